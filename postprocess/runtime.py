"""A bundle, loaded: image in, result in image pixels out.

image -> Preprocess -> tensor -> backbone graph -> heads -> decoder (with refine graph) -> Result

A network that sees one person at a time gets the whole image, or a batch of crops, one a box.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .boxes import checked_boxes
from .bundle import BundleInfo, read_bundle
from .decoders.base import DECODERS, Decoder, FlipTest
from .decoders.flip import mirror_order
from .errors import InputError
from .instances import Array, Instances
from .preprocess import Image, Preprocess, check_image
from .result import Instance, Result, in_image
from .session import Graph
from .stages import Stages, differences, read_arrays

GOLDEN = "golden.npz"
OPEN_BATCH = 16
"""Crops of persons that go through a backbone with an open batch at a time."""


@dataclass(frozen=True)
class Runtime:
    """A loaded bundle; call it with an image.

    Attributes:
        bundle: what `bundle.json` says.
        graphs: opened graphs by name.
        decoder: from heads to instances.
        flip_test: run the mirrored image as well and average the heatmaps.
    """

    bundle: BundleInfo
    graphs: Mapping[str, Graph]
    decoder: Decoder
    flip_test: bool = False

    @property
    def preprocess(self) -> Preprocess:
        """From an image to the network's input."""
        return self.bundle.preprocess

    def __call__(self, image_bgr: Image, boxes: Any = None) -> Result:
        """Find the objects of one image.

        Args:
            image_bgr: (H, W, 3) uint8, BGR as OpenCV reads it.
            boxes: persons as rows x1, y1, x2, y2, image pixels, for a network that sees one at a
                time; without them it takes the whole image for one person.

        Returns:
            Objects in image pixels; one for each box in the order of the boxes, where they are
            given, but for persons below the decoder's threshold.

        Raises:
            InputError: not such an image, one that the graph's fixed size does not take, or boxes
                that are none or that the network does not take.
        """
        if boxes is not None:
            return self._persons(image_bgr, boxes)
        tensor, transform = self.preprocess(image_bgr)
        found = self.decode(self.heads(tensor))[0]
        return in_image(found, transform, self.bundle.classes, self.bundle.skeleton)

    def _persons(self, image_bgr: Image, boxes: Any) -> Result:
        """One crop a box, as many at a time as the backbone takes."""
        if not self.preprocess.takes_boxes:
            raise InputError(
                f"{self.bundle.folder} finds objects by itself (resize "
                f"{self.preprocess.resize!r}): boxes are for networks that see one person at a time"
            )
        check_image(image_bgr)
        size = image_bgr.shape[:2]
        persons = checked_boxes(boxes, size)
        batch = self.graphs["backbone"].info.inputs[0].shape[0]
        step = batch if isinstance(batch, int) else OPEN_BATCH
        found: list[Instance] = []
        for first in range(0, len(persons), step):
            group = persons[first : first + step]
            crops = [self.preprocess(image_bgr, box) for box in group]
            decoded = self.decode(self.heads(np.concatenate([tensor for tensor, _ in crops])))
            for instances, (_, transform), box in zip(decoded, crops, group, strict=True):
                here = in_image(instances, transform, self.bundle.classes)
                found += [replace(each, box=box.astype(np.float32)) for each in here.instances]
        return Result(tuple(found), size, self.bundle.skeleton)

    def heads(self, tensor: Array) -> dict[str, Array]:
        """Run the backbone on (N, 3, h, w) float32: its outputs by name, N images each.

        A graph with a fixed batch gets the images that are there repeated up to it.
        """
        backbone = self.graphs["backbone"]
        batch, count = backbone.info.inputs[0].shape[0], len(tensor)
        if isinstance(batch, int) and 0 < count < batch:
            tensor = np.resize(tensor, (batch, *tensor.shape[1:]))
        heads = backbone.run({backbone.info.inputs[0].name: tensor})
        if self.flip_test:
            heads = self._flip_tested(heads, tensor)
        return {name: array[:count] for name, array in heads.items()}

    def _flip_tested(self, heads: dict[str, Array], tensor: Array) -> dict[str, Array]:
        """The heads, averaged with those of the mirrored images."""
        backbone = self.graphs["backbone"]
        assert isinstance(self.decoder, FlipTest)  # load refuses others
        mirrored = backbone.run({backbone.info.inputs[0].name: tensor[..., ::-1]})
        return self.decoder.merge_flipped(heads, mirrored, mirror_order(self.bundle.keypoints))

    def decode(
        self, heads: Mapping[str, Array], trace: dict[str, Array] | None = None
    ) -> list[Instances]:
        """Instances of each image of a batch, in network-input pixels: see `Decoder`."""
        refine = self.graphs.get("refine")
        return self.decoder(heads, refine.run if refine else None, trace)

    def run_stages(self, image_bgr: Image) -> Stages:
        """Like a call, keeping what every stage gives; `Stages.save` writes it as golden.npz."""
        tensor, transform = self.preprocess(image_bgr)
        heads = self.heads(tensor)
        trace: dict[str, Array] = {}
        found = self.decode(heads, trace)[0]
        result = in_image(found, transform, self.bundle.classes, self.bundle.skeleton)
        return Stages(image_bgr, tensor, transform, heads, trace, found, result)

    def check_golden(self) -> dict[str, float]:
        """Run the bundle's own example again and compare every stage with what golden.npz holds.

        Returns:
            Largest absolute difference by array name; infinity where the shapes differ, which
            means that another number of instances was found.

        Raises:
            InputError: the bundle has no golden.npz, or it cannot be read.
        """
        path = self.bundle.folder / GOLDEN
        golden = read_arrays(path)
        if "image" not in golden:
            raise InputError(f"{path}: expected an array 'image', it has {', '.join(golden)}")
        return differences(golden, self.run_stages(golden["image"]).arrays())


def load(
    folder: str | Path,
    *,
    providers: Sequence[str] | None = None,
    threads: int | None = None,
    verify: bool = True,
    decoder: Mapping[str, Any] | None = None,
    flip_test: bool = False,
) -> Runtime:
    """Load a bundle.

    Args:
        folder: the bundle's folder.
        providers: ONNX Runtime execution providers, best first; the CPU by default.
        threads: threads within an operator; ONNX Runtime's choice by default.
        verify: compare every file of the bundle with its sha256.
        decoder: parameters of the decoder to use instead of the bundle's, for example
            {"threshold": 0.3}.
        flip_test: run every image mirrored as well and average the heatmaps; twice the time.

    Raises:
        InputError: what is wrong with the bundle, naming file and field; a decoder that is not
            installed; a parameter that it does not have; a decoder without a flip test.
    """
    info = read_bundle(folder, verify)
    decoder_class = DECODERS.get(info.decoder)
    try:
        built = decoder_class(**info.decoder_params)
    except InputError as error:
        raise InputError(f"{info.folder / 'bundle.json'}: {error}") from error
    if decoder:
        built = decoder_class(**{**info.decoder_params, **decoder})
    graphs = {
        name: Graph(info.folder / graph.file, graph, providers, threads)
        for name, graph in info.graphs.items()
    }
    if flip_test:
        if not isinstance(built, FlipTest):
            raise InputError(f"{info.folder}: decoder {info.decoder!r} has no flip test")
        mirror_order(info.keypoints)
    return Runtime(info, graphs, built, flip_test)
