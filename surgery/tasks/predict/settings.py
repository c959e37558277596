"""The settings that only ``task=predict`` knows; defaults in ``configs/task/predict.yaml``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from ...config.node import Count, Names, Node


class RayConfig(Node):
    """Where Ray runs.

    Attributes:
        address: of a cluster's head, "auto" for the one that this machine belongs to; None: on
            this machine, for the time of the run.
    """

    address: str | None


class PredictSettings(Node):
    """What is read, who works, and how it is written.

    Attributes:
        images: a file, a folder, a pattern, or a list of such.
        workers: processes with a session each; None: as many as there are cores for their threads.
        block: pictures of a part.
        format: of the parts.
        threshold: least score; None: the bundle's.
        replace: remove parts that hold other pictures than those asked for.
    """

    images: Names | None = Field(description="a file, a folder, a pattern or a list of them")
    workers: Count | None
    block: Count
    format: Literal["parquet", "jsonl"]
    threshold: float | None = Field(ge=0, le=1, description="a number from 0 to 1")
    replace: bool
    ray: RayConfig

    @field_validator("images", mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    def decoder(self) -> dict[str, Any]:
        """Parameters of the decoder other than the bundle's."""
        return {} if self.threshold is None else {"threshold": self.threshold}
