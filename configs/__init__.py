"""The Hydra configuration tree (YAML), shipped as package data."""
