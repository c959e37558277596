"""Drawn scenes with exact masks: the demo networks' training, evaluation and fitting images."""

from __future__ import annotations

from .coco import annotation, categories, write
from .draw import DOMAINS, EVALUATION_SEED, FITTING_SEED, TRAINING_SEED, Domain, domain_named, draw
from .scene import Instance, Scene

__all__ = [
    "DOMAINS",
    "EVALUATION_SEED",
    "FITTING_SEED",
    "TRAINING_SEED",
    "Domain",
    "Instance",
    "Scene",
    "annotation",
    "categories",
    "domain_named",
    "draw",
    "write",
]
