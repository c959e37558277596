"""Architectures as published, with parameter names as published (PyTorch only)."""
