"""The main run: from a configuration to a bundle, a file a stage."""
