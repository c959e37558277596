"""What a model plugin is: the contract that models/ and other packages satisfy by structure.

A model is one object in the entry-point group ``surgery.models``. It builds the network with the
published parameter names, loads weights into it, and says which graphs leave it. Nothing here
knows any model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from postprocess.contracts import lacking
from postprocess.registry import Registry

if TYPE_CHECKING:
    from torch import nn

    from models.checkpoints.convolutions import FoundConv


class Port(Protocol):
    """An input or output of a graph; a string in ``shape`` names a dynamic axis.

    An output may also say what it means, for fits: ``kind`` ("logits" for a heatmap of classes
    before the sigmoid, else "values") and ``counts_at`` (the name of the heatmap at whose peaks
    alone it is read); see :class:`surgery.fitting.OutputSpec`.
    """

    @property
    def name(self) -> str:
        """Name of the tensor."""

    @property
    def shape(self) -> tuple[int | str, ...]:
        """Its sizes; a string is the symbol of a dynamic axis."""

    @property
    def dtype(self) -> str:
        """Numpy's name of the element type."""


class Graph(Protocol):
    """A part of the network that becomes one ONNX file."""

    @property
    def name(self) -> str:
        """``backbone``, or the name of what follows it."""

    @property
    def module(self) -> nn.Module:
        """Takes ``inputs`` in order and returns a tuple in the order of ``outputs``."""

    @property
    def inputs(self) -> Sequence[Port]:
        """Inputs in order."""

    @property
    def outputs(self) -> Sequence[Port]:
        """Outputs in order."""


class ModelPlugin(Protocol):
    """A model: ``config`` is always the ``model:`` node of the configuration, as plain values."""

    name: str

    def build(self, config: Mapping[str, Any]) -> nn.Module:
        """Return the network in eval mode, with the parameter names of the publication."""

    def load(self, module: nn.Module, path: str | Path) -> list[str]:
        """Load a checkpoint and return the keys that were not needed."""

    def graphs(self, module: nn.Module, config: Mapping[str, Any]) -> Sequence[Graph]:
        """Return the graphs to export; the one named ``backbone`` takes the image."""

    def decoder(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the decoder's name (key ``name``) and its parameters."""

    def classes(self, config: Mapping[str, Any]) -> Sequence[str]:
        """Return the class names in the order of the heatmap's channels."""

    def keypoints(self, config: Mapping[str, Any]) -> Sequence[str]:
        """Return the keypoint names, none for contour models."""

    def skeleton(self, config: Mapping[str, Any]) -> Sequence[tuple[int, int]]:
        """Return the pairs of keypoints to join when drawing."""


@runtime_checkable
class TakesConvolutions(Protocol):
    """A model that also loads the convolutions of a graph that others exported."""

    def load_convolutions(
        self, module: nn.Module, found: Sequence[FoundConv], path: str | Path
    ) -> list[str]:
        """Load them in the graph's order and return the names that were not needed."""


MODELS: Registry[ModelPlugin] = Registry("surgery.models", "model", fault=lacking(ModelPlugin))
