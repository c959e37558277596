"""Whether `torch.onnx.export` is running, for either exporter.

The TorchScript exporter and the dynamo exporter set different flags in different releases of
PyTorch (pytorch issue 149141).  A network asks here, so that its post-processing stays out of the
exported graph whichever exporter is at work.
"""

from __future__ import annotations

import torch


def in_onnx_export() -> bool:
    """True while `torch.onnx.export` traces a module, whichever exporter it uses."""
    return bool(torch.onnx.is_in_onnx_export())
