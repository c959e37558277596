"""What the models raise when the user's input is at fault; every message is one line."""

from __future__ import annotations


class ModelError(ValueError):
    """A model cannot be built as its configuration asks."""


class CheckpointError(ModelError):
    """A checkpoint cannot be read, or does not belong to the network it is loaded into."""
