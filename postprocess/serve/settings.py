"""Settings of a server, and how its worker processes receive them."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

VARIABLE = "POSTPROCESS_SERVE"


@dataclass(frozen=True)
class Settings:
    """Settings of a server.

    Attributes:
        bundle: folder that holds bundle.json.
        threads: threads within an operator, of each worker; None: ONNX Runtime's choice.
        detector: bundle that finds the persons first, or None.
        limit: largest request body, bytes.
        waiting: most requests of a worker that wait for the network; more are answered 503.
    """

    bundle: str
    threads: int | None = None
    detector: str | None = None
    limit: int = 20_000_000
    waiting: int = 16

    def to_environment(self) -> None:
        """Leave the settings to the processes that are started from now on."""
        os.environ[VARIABLE] = json.dumps(asdict(self))

    @classmethod
    def from_environment(cls) -> Settings:
        """The settings that the parent process left."""
        return cls(**json.loads(os.environ[VARIABLE]))
