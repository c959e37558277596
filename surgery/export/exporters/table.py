"""The exporters by the names that the configuration knows."""

from __future__ import annotations

from ...config import surgery
from .dynamo import DYNAMO
from .torchscript import TORCHSCRIPT

EXPORTERS = dict(zip(surgery.EXPORTERS, (DYNAMO, TORCHSCRIPT), strict=True))
