"""The exporters by name."""

from __future__ import annotations

from .dynamo import DYNAMO
from .torchscript import TORCHSCRIPT

EXPORTERS = {exporter.name: exporter for exporter in (DYNAMO, TORCHSCRIPT)}
