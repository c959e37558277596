"""Types and shapes of a graph's outputs: anew after a change in front of them, or not known."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper

from .bare import with_weights_as_inputs
from .shapes import element_types, infer, shapes


def described(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``model`` with its outputs as ONNX infers them and no shapes stored of what is inside.

    Where nothing can be inferred, the type and the shape stay those that were there.
    """
    own = onnx.ModelProto()
    own.CopyFrom(model)
    del own.graph.value_info[:]
    bare = onnx.ModelProto()
    bare.CopyFrom(own)
    for value in bare.graph.output:
        value.type.Clear()
        value.type.tensor_type.elem_type = TensorProto.UNDEFINED
    inferred = infer(bare)
    known, types = shapes(inferred), element_types(inferred)
    for value in own.graph.output:
        if value.name in types:
            shape = known.get(value.name)
            value.CopyFrom(helper.make_tensor_value_info(value.name, types[value.name], shape))
    return own


def check_model(model: onnx.ModelProto) -> None:
    """Run ONNX's checker, which wants a shape of every output; inference may know none.

    Raises what the checker raises: its ValidationError, or protobuf's errors for sizes.
    """
    checked = onnx.ModelProto()
    checked.CopyFrom(with_weights_as_inputs(model))
    for value in checked.graph.output:
        if not value.type.tensor_type.HasField("shape"):
            value.type.tensor_type.shape.SetInParent()
    onnx.checker.check_model(checked)
