"""An untouched network and its operated copy, side by side for the time of a fit."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from postprocess.errors import InputError

from ..rewrites import rewriting
from ..rewrites.closeness import SAME, relative
from ..rewrites.dcn import OffsetStatistics, statistics
from ..rewrites.dcn.exposed import CallLayer
from ..rewrites.dcn.layer import convolution
from ..rewrites.fitted import Window
from ..rewrites.modes import evaluating
from .fitted import window_of
from .images import Images
from .losses import Losses
from .network import Reading, Trace, trace
from .settings import Settings
from .trunk import Replayed, Trunk
from .widening import Widening
from .windows import guesses, windows

STATISTICS_BATCHES = 2  # of images, for the first guess
SLOW_ON_CPU = frozenset(
    {"mmcv", "mmdet", "torchvision", "detectron2"}
)  # packages, by their kernels


@dataclass
class TeacherStudent:
    """The two networks, and what was found out about them.

    Attributes:
        model: the untouched network, or an exact and faster copy of it.
        student: the copy; stand-ins take the places of the trunk's modules, ordinary convolutions
            those of the deformable layers.
        trunk: what both share; stands: the stand-ins by path.
        trace: what a forward pass of the untouched network showed.
        reading: how both are run.
        losses: measures how far apart their outputs are.
        alive: names of the student's parameters that its outputs depend on.
        effects: figures for the ledger by path.
    """

    model: nn.Module
    student: nn.Module
    trunk: Trunk
    stands: Mapping[str, Replayed]
    trace: Trace
    reading: Reading
    losses: Losses
    alive: frozenset[str] = frozenset()
    effects: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where both networks are."""
        return next(self.model.parameters()).device

    def untouched(self, images: Tensor) -> dict[str, Tensor]:
        """Outputs of the untouched network; the trunk's results are there to be taken."""
        with torch.no_grad(), evaluating(self.model):
            return self.trunk.record(self.model, self.reading, images)

    def shared(self, images: Tensor) -> list[Tensor]:
        """The trunk's results alone, at the cost of the trunk."""
        with torch.no_grad(), evaluating(self.model):
            first = next(iter(self.trace.layers))
            self.trunk.rerun(self.model, self.reading, images, first)
        return self.trunk.take()

    def operated(self, images: Tensor, shared: Sequence[Tensor]) -> dict[str, Tensor]:
        """Outputs of the operated network on images whose trunk's results are ``shared``."""
        self.trunk.give(self.stands, shared)
        return self.reading(self.student, images)

    def windows(self, *, refit: bool) -> dict[str, Window]:
        """Convolutions to fit in order of execution: those for deformable layers and, with
        ``refit``, the ordinary ones behind them that the outputs depend on."""
        found = {}
        for path in self.trace.order:
            module = self.student.get_submodule(path)
            assert isinstance(module, nn.Conv2d)
            own = refit and f"{path}.weight" in self.alive and module.padding_mode == "zeros"
            if path in self.trace.layers or (own and not isinstance(module.padding, str)):
                found[path] = window_of(module)
        return found


def prepare(
    model: nn.Module,
    reading: Reading,
    images: Images,
    settings: Settings,
    *,
    early: float = 0.0,
    start: TeacherStudent | None = None,
) -> TeacherStudent:
    """Copy ``model``, put first guesses in place, and find out what the two networks share.

    Args:
        model, reading, images, settings: of the fit.
        early: see :meth:`Trunk.find`.
        start: an earlier pair on ``model``, to go on from its weights.

    Raises:
        InputError: no deformable layer, or outputs that cannot be used or differentiated.
    """
    device = next(model.parameters()).device
    example = laid_out(images.fitting[0][:2], device)
    seen = trace(model, reading, example, settings.layers)
    trunk = Trunk.find(seen.trunk, model, reading, example, early=early)
    batches = images.fitting[:STATISTICS_BATCHES]
    measured = {} if start else _statistics(model, reading, batches, device)
    chosen = windows(seen, settings.kernel, settings.layers)
    student = copy.deepcopy(model).eval()
    model = _fast(model, seen, reading, example)
    generator = torch.Generator().manual_seed(settings.seed)
    for path, guess in guesses(seen, chosen, measured).items():
        layer, window = seen.layers[path], chosen[path]
        bias = torch.zeros(layer.geometry.out_channels) if layer.bias is None else layer.bias
        made = convolution(
            replace(layer, bias=bias.detach().clone().to(layer.weight)),
            guess.to(layer.weight),
            padding=window.padding,
            dilation=window.dilation,
        )
        if settings.hidden and made.groups == 1:
            made = Widening(made, settings.hidden, layer.offset_convolution, generator)
        parent, _, name = path.rpartition(".")
        student.get_submodule(parent)._modules[name] = made
    student = student.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with torch.no_grad(), evaluating(model):
        wanted = trunk.record(model, reading, example)
    losses = Losses(settings.outputs, wanted)
    pair = TeacherStudent(model, student, trunk, trunk.install(student), seen, reading, losses)
    _find_dependencies(pair, example)
    if start is not None:
        student.load_state_dict(start.student.state_dict(), strict=False)
        pair.effects = start.effects
    return pair


def laid_out(images: Tensor, device: torch.device) -> Tensor:
    """Move a batch to ``device``, channels last: convolutions are faster so, on the CPU too."""
    return images.to(device).contiguous(memory_format=torch.channels_last)


def _fast(model: nn.Module, seen: Trace, reading: Reading, example: Tensor) -> nn.Module:
    """Return ``model``, or where its deformable layers' CPU kernels are slow an exact faster copy.

    One grid_sample over all taps takes a fraction of the time of kernels that were written for
    GPUs and ported to the CPU pixel by pixel.
    """
    packages = {type(model.get_submodule(path)).__module__.split(".")[0] for path in seen.layers}
    slow = packages & SLOW_ON_CPU or any(
        isinstance(model.get_submodule(path), CallLayer) for path in seen.layers
    )
    if next(model.parameters()).device.type != "cpu" or not slow:
        return model
    deformable = [path for path, layer in seen.layers.items() if not layer.whole]
    with rewriting(model, dict.fromkeys(deformable, "dcn.decomposed")) as (rewritten, _):
        faster = copy.deepcopy(rewritten)
    with torch.no_grad(), evaluating(model), evaluating(faster):
        wanted, given = reading(model, example), reading(faster, example)
    same = all(relative(given[name], wanted[name]) <= SAME for name in wanted)
    return faster if same else model


class _Called(nn.Module):
    """Lets ``statistics`` run a network as the caller wants it run."""

    def __init__(self, network: nn.Module, reading: Reading) -> None:
        super().__init__()
        self.network = network
        self.reading = reading

    def forward(self, images: Tensor) -> object:
        return self.reading.forward(self.network, images)


def _statistics(
    model: nn.Module, reading: Reading, batches: Sequence[Tensor], device: torch.device
) -> dict[str, OffsetStatistics]:
    called = _Called(model, reading)
    measured = statistics(called, (batch.to(device) for batch in batches))
    return {path.removeprefix("network."): value for path, value in measured.items()}


def _find_dependencies(pair: TeacherStudent, example: Tensor) -> None:
    """Find by back-propagation what the student's outputs depend on.

    Of the trunk's results the needed ones are marked; of the parameters the others are frozen.
    """
    trunk, student = pair.trunk, pair.student
    shared = [tensor.requires_grad_(tensor.is_floating_point()) for tensor in trunk.take()]
    parameters = {
        name: parameter.requires_grad_(True)
        for name, parameter in student.named_parameters()
        if parameter.is_floating_point()
    }
    with torch.enable_grad():
        outputs = pair.operated(example, shared)
        total = torch.stack([output.float().sum() for output in outputs.values()]).sum()
    floating = [tensor for tensor in shared if tensor.requires_grad]
    try:
        gradients = torch.autograd.grad(total, [*floating, *parameters.values()], allow_unused=True)
    except RuntimeError as error:
        raise InputError(
            f"the outputs of {type(pair.model).__name__} cannot be differentiated, so it "
            f"cannot be fitted: {str(error).splitlines()[0]}"
        ) from error
    reached = iter(gradient is not None for gradient in gradients)
    trunk.needed = [not tensor.requires_grad or next(reached) for tensor in shared]
    alive = {name for name in parameters if next(reached)}
    for name, parameter in parameters.items():
        parameter.requires_grad_(name in alive)
    pair.alive = frozenset(alive)
