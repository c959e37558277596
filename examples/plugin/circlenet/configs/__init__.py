"""Configurations of this package, laid out like those of model-surgery."""
