"""The step that puts a decoder behind the heads."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from postprocess.fields import Field

from ..decoding.check import require_same
from ..decoding.write import with_decoding
from ..graph.run import run
from .step import Arrays, Change, Expected


@dataclass(frozen=True)
class _Decode:
    """Decode in the graph: peaks, boxes, contours or keypoints as nodes behind the network's heads.

    The run time decodes outside of the graph, since accelerators have no kernel for what that
    takes: of the targets that are audited, most refuse TopK or GatherElements, and a graph that
    ends in them is split there. Where the run time does have them (ONNX Runtime on a CPU or GPU,
    OpenVINO), an application that has to carry a decoder beside the model is the greater trouble,
    and graphs that others publish decode inside for that reason, in forms that differ from one
    exporter to the next.

    This step appends the project's own decoders: ctdet (with Fast-NMS where ``iou`` is given), e2ec
    and snake up to the first contour, keypoints (argmax, quarter, dark, dark_udp) and simcc.
    Parameters are those of the decoder: ``{decode: {name: ctdet, heatmap: hm, size: wh}}``. Peaks
    are the maxima of a window (MaxPool and Equal, Zhou et al., "Objects as Points", 2019, section
    4), TopK orders them with ties by class, y, x, and all else is read at their places by
    GatherElements, for any batch and any size. There are always K rows an image, and ``count`` says
    how many hold; outputs that the decoder does not read (a contour network's ``feature``) stay
    outputs.

    Exact up to float32 rounding: each export and each run of the step holds it against the decoder
    on the same heads. Differences are those of the sigmoid, 1.2e-7 in the scores; coordinates are
    equal but for the steps of the dark methods, whose division is as ill-conditioned as the heatmap
    is flat. NaN and infinities are passed over by the decoder alone.
    """

    name: str = "decode"
    summary: str = "a decoder behind the heads: {decode: {name: ctdet, heatmap: hm, size: wh}}"
    exact: bool = True

    def apply(self, model: onnx.ModelProto, argument: Field) -> Change:
        decoder = {**argument.mapping(), "name": argument["name"].text()}
        after = with_decoding(model, decoder)

        def expect(feeds: Arrays) -> Expected:
            heads, found = run(model, feeds), run(after, feeds)
            require_same(decoder, heads, found)
            return Expected(feeds, found)

        return Change((after,), ", ".join(v.name for v in after.graph.output), "", expect)


DECODE = _Decode()
