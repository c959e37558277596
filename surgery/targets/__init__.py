"""Targets: what a device or run time takes, as data (``configs/target``) and a class to ask it."""

from __future__ import annotations

from .target import Rule, Target

__all__ = ["Rule", "Target"]
