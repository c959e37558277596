"""What the models raise when the user's input is at fault; every message is one line."""

from __future__ import annotations


class ModelError(ValueError):
    """A model cannot be built as its configuration asks.

    Names in the message may come from strangers: what would break its line is written out.
    """

    def __init__(self, message: str) -> None:
        super().__init__(
            "".join(
                sign if sign.isprintable() else " " if sign.isspace() else repr(sign)[1:-1]
                for sign in message
            )
        )


class CheckpointError(ModelError):
    """A checkpoint cannot be read, or does not belong to the network it is loaded into."""
