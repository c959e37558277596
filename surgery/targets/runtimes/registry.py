"""Run times by name: ours, and those that other packages register (``surgery.runtimes``)."""

from __future__ import annotations

from postprocess.registry import Registry

from .base import Runtime

_HERE = "surgery.targets.runtimes"

RUNTIMES: Registry[Runtime] = Registry(
    "surgery.runtimes",
    "run time",
    own={
        "onnxruntime": f"{_HERE}.onnxruntime:ONNXRUNTIME",
        "openvino": f"{_HERE}.openvino:OPENVINO",
        "opencv": f"{_HERE}.opencv:OPENCV",
        "ncnn": f"{_HERE}.ncnn:NCNN",
        "litert": f"{_HERE}.litert:LITERT",
        "onnxruntime-web": f"{_HERE}.web:WEB",
    },
)
