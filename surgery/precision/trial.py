"""What a reduction is tried on: the decoder, and pictures for the scales and for the loss.

The pictures are those of ``surgery.calibration``, of which every fourth is held back, and the run's
own. A network of the catalogue and a found graph (``model=onnx``) give the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postprocess.decoders.base import Decoder
from postprocess.instances import Array
from postprocess.preprocess import Preprocess

from ..config.run import Config
from ..network.pictures import Sample, calibration_tensors

HELD_BACK = 4  # of so many pictures, one is held back from the calibration


@dataclass(frozen=True)
class Trial:
    """One precision on its way into a bundle's graphs.

    Attributes:
        precision: "fp16" or "int8".
        decoder: the bundle's.
        seen: (1, C, h, w) float32 each; the ranges of all tensors are measured on them.
        held: pictures held back from those, for the loss.
        threads: of ONNX Runtime; None for its own choice.
    """

    precision: str
    decoder: Decoder
    seen: Sequence[Array]
    held: Sequence[Array]
    threads: int | None


def trial_of(
    config: Config, decoder: Decoder, preprocess: Preprocess, samples: Sequence[Sample]
) -> Trial:
    """The trial that the configuration describes.

    Args:
        preprocess: from a picture to the backbone's input.
        samples: the run's own pictures.

    Raises:
        InputError: a calibration picture cannot be read.
    """
    tensors = list(calibration_tensors(config.surgery.calibration, preprocess))
    held = tensors[HELD_BACK - 1 :: HELD_BACK] or tensors
    seen = [tensor for i, tensor in enumerate(tensors) if i % HELD_BACK != HELD_BACK - 1]
    own = [sample.tensor for sample in samples]
    return Trial(config.surgery.precision, decoder, [*own, *seen], held, config.threads)
