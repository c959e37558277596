"""``task=scenes``: draw scenes of the demo networks' domain with COCO annotations."""

from __future__ import annotations

from postprocess.errors import InputError
from postprocess.fields import Field

from .. import scenes
from ..config.run import Config


def run(config: Config) -> None:
    """Write ``count`` scenes of ``seed`` into ``out``."""
    extra = Field(dict(config.extra), "configuration")
    count, size = extra["count"].integer(least=1), extra["size"].integer(least=64)
    if config.out_given is None:
        raise InputError("task=scenes needs out=DIR, the folder to write to")
    scenes.write(
        config.out_given, count=count, seed=config.seed, size=size, domain=extra["domain"].text()
    )
    print(f"{count} scenes in {config.out_given}")
