"""Operators by what they do to a picture: which learn, which follow pixel by pixel, which select.

Names and meanings are those of the ONNX operator list, domain ``ai.onnx``.
"""

from __future__ import annotations

import onnx

LEARNED = frozenset(
    {
        "Conv", "ConvTranspose", "DeformConv", "ConvInteger", "QLinearConv", "FusedConv", "Gemm",
        "MatMul", "QLinearMatMul", "MatMulInteger", "LSTM", "GRU", "RNN",
        "DCNv2", "MMCVModulatedDeformConv2d", "MMCVDeformConv2d",
    }
)  # fmt: skip
"""Operators with weights, those of run times' plugins too; of the products only those with a
constant factor."""

PRODUCTS = frozenset({"MatMul", "QLinearMatMul", "MatMulInteger", "Gemm"})

CHANNELS_FIRST = frozenset(
    {
        "Conv", "ConvTranspose", "DeformConv", "ConvInteger", "QLinearConv", "FusedConv",
        "BatchNormalization", "InstanceNormalization", "GroupNormalization", "LRN", "MaxPool",
        "AveragePool", "LpPool", "GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool",
        "DepthToSpace", "SpaceToDepth", "GridSample", "MaxUnpool",
    }
)  # fmt: skip
"""Operators that ONNX defines on (N, C, ...) alone."""

UNARY = frozenset(
    {
        "Abs", "BatchNormalization", "Cast", "Ceil", "Celu", "Clip", "DequantizeLinear", "Dropout",
        "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu",
        "Log", "Mish", "Neg", "QuantizeLinear", "Reciprocal", "Relu", "Round", "Selu", "Shrink",
        "Sigmoid", "Sign", "Softplus", "Softsign", "Sqrt", "Swish", "Tanh", "ThresholdedRelu",
    }
)  # fmt: skip
"""Operators that change each value alone."""

BROADCAST = frozenset({"Add", "Div", "Max", "Mean", "Min", "Mul", "Pow", "PRelu", "Sub", "Sum"})
"""Operators on two or more tensors of one layout, value by value."""

RESIZING = frozenset({"Resize", "Upsample", "DepthToSpace", "Pad"})

QUANTIZED = frozenset({"QLinearAdd", "QLinearLeakyRelu", "QLinearMul", "QLinearSigmoid"})
"""Operators of ONNX Runtime's domain that work on int8 value by value."""

FOLLOWING = UNARY | BROADCAST | RESIZING | QUANTIZED
"""Operators that belong to the network where they follow its last convolution."""

MOVING = frozenset(
    {"Flatten", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"}
)
"""Operators that move values about and compute nothing."""

SELECTING = frozenset(
    {
        "ArgMax", "ArgMin", "Compress", "Loop", "MaxRoiPool", "NonMaxSuppression",
        "NonZero", "OneHot", "RoiAlign", "Scan", "TopK", "Unique",
    }
)  # fmt: skip
"""Operators that look for places in a picture: what follows them is decoding."""

_SELECTING_NAMES = ("nms", "nonmaxsuppression", "topk", "detection", "proposal", "boxdecode")


def selects(node: onnx.NodeProto) -> bool:
    """Whether the node looks for places; of another domain's operators the name decides."""
    if node.domain in ("", "ai.onnx") and node.op_type in SELECTING:
        return True
    name = node.op_type.lower()
    return any(part in name for part in _SELECTING_NAMES)
