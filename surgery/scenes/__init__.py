"""Drawn scenes with exact masks: the demo networks' training, evaluation and fitting images."""

from __future__ import annotations

from .coco import annotation, write
from .draw import (
    DOMAINS,
    EVALUATION_SEED,
    FITTING_SEED,
    TRAINING_SEED,
    Domain,
    Instance,
    Scene,
    domain_named,
    draw,
)

__all__ = [
    "DOMAINS",
    "EVALUATION_SEED",
    "FITTING_SEED",
    "TRAINING_SEED",
    "Domain",
    "Instance",
    "Scene",
    "annotation",
    "domain_named",
    "draw",
    "write",
]
