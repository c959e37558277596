"""The target: an accelerator's operators, as data beside this file."""

from pathlib import Path

SMALL_NPU = Path(__file__).with_name("small_npu.yaml")
