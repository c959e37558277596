"""What is fuzzed: each loader's seed files, how they are changed, and the call that reads them.

A call takes the folder of one case. It is to return, or to raise one of :data:`REFUSALS` with one
line.
"""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from . import seeds
from .mutate import archives, chunks, documents, messages, octets, pickles


@dataclass(frozen=True)
class Loader:
    """One kind of file and what reads it.

    Attributes:
        what: in words, for the table.
        seeds: writes whole files into a folder.
        mutate: changes one or more of them in place.
        load: reads them from the folder.
    """

    what: str
    seeds: Callable[[Path], None]
    mutate: Callable[[Random, Path], None]
    load: Callable[[Path], object]


def _each(*changes: tuple[str, Callable[[Random, bytes], bytes]]) -> Callable[[Random, Path], None]:
    """Change one file: (pattern, change), one of them drawn; the others are left or go."""

    def mutate(rng: Random, folder: Path) -> None:
        pattern, change = rng.choice(changes)
        path = rng.choice(sorted(folder.rglob(pattern)))
        if rng.random() < 0.01:
            path.unlink()
        else:
            path.write_bytes(change(rng, path.read_bytes()))

    return mutate


def _one(folder: Path, pattern: str) -> Path:
    """The file that was changed last, so that the others need not be read; one that may be gone."""
    found = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime_ns)
    return found[-1] if found else folder / pattern.replace("*", "gone")


def _onnx(rng: Random, data: bytes) -> bytes:
    import onnx

    if rng.random() < 0.15:
        return octets.mutated(rng, data)
    model = onnx.load_model_from_string(data)
    messages.mutated(rng, model)
    return bytes(model.SerializeToString())


def _load_onnx(folder: Path) -> object:
    from surgery.foreign.source import Found

    found = Found(_one(folder, "*.onnx"))
    return found.image_input()


def _load_convolutions(folder: Path) -> object:
    from surgery.network.paddle2onnx import is_onnx, read_convolutions

    path = _one(folder, "*.onnx")
    return is_onnx(path) and read_convolutions(path)


def _member(rng: Random, name: str, data: bytes) -> bytes:
    change = pickles.mutated if name.endswith(".pkl") else octets.mutated
    return change(rng, data)


def _load_state(folder: Path) -> object:
    from models.checkpoints import load_into, load_state

    path = _one(folder, "net.*")
    load_into(_network(), load_state(path), path)
    return path


@cache
def _network() -> Any:
    from collections import OrderedDict

    from torch import nn

    return nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 4, 3), bn=nn.Identity()))


def _load_paddle(folder: Path) -> object:
    from models.checkpoints import load_into
    from models.checkpoints.paddle import is_pickle, read_paddle

    path = _one(folder, "*.pdparams")
    if is_pickle(path):
        load_into(_network(), read_paddle(path), path)
    return path


def _header(rng: Random, data: bytes) -> bytes:
    """Safetensors: eight bytes of length, a header in JSON, values."""
    size = int.from_bytes(data[:8], "little")
    if rng.random() < 0.2:
        return octets.mutated(rng, data)
    header = documents.written(rng, json.loads(data[8 : 8 + size]))
    length = len(header) if rng.random() < 0.95 else rng.choice(octets.WIDE) % 2**64
    return length.to_bytes(8, "little") + header + data[8 + size :]


def _load_ncnn(folder: Path) -> object:
    from models.checkpoints.ncnn import is_ncnn, read_ncnn

    path = folder / "net.param"
    return is_ncnn(path) and read_ncnn(path)


def _json(rng: Random, data: bytes) -> bytes:
    return documents.written(rng, json.loads(data))


def _load_bundle(folder: Path) -> object:
    import postprocess

    runtime = postprocess.load(folder / "bundle", threads=1, verify=False)
    result = runtime(seeds.picture())
    return json.dumps(result.to_json("a.png"), allow_nan=False)


def _load_golden(folder: Path) -> object:
    from postprocess.stages import differences, read_arrays

    found = read_arrays(folder / "golden.npz")
    return differences(found, found)


def _load_fit(folder: Path) -> object:
    from surgery.fitting.saved import find, load

    path = find("0" * 64, "calibrated", [folder], settings={"steps": 1})
    return path and load(path)


def _load_picture(folder: Path) -> object:
    from postprocess.images import read_image

    return read_image(_one(folder, "picture.*")).shape


def _load_video(folder: Path) -> object:
    import cv2

    from postprocess.videofile import Frames

    cv2.utils.logging.setLogLevel(0)
    with Frames(str(folder / "video.mp4")) as frames:
        return sum(1 for _, frame in zip(range(500), frames, strict=False) if frame.image.size)


def _coco(folder: Path) -> None:
    (folder / "annotations.json").write_text(json.dumps(seeds.coco()))


def _load_coco(folder: Path) -> object:
    from surgery.measure.coco import read_annotations

    return read_annotations(folder / "annotations.json")


def _load_boxes(folder: Path) -> object:
    from postprocess.boxes import BoxFile, checked_boxes

    return checked_boxes(BoxFile(str(folder / "boxes.json")).of("1.png"), (seeds.SIDE, seeds.SIDE))


OVERRIDES = (
    "task=audit model=onnx model.path=F.onnx target=nnapi",
    "model=e2ec surgery.dcn.name=plain input.size=[512,512] surgery.opset=17 threads=2",
    "model=snake surgery.dcn.layers={a:plain} surgery.compare=[plain] surgery.precision=fp16",
    "model=tinypose_256x192 checkpoint=F seed=3 surgery.fit.steps=10 surgery.exporter=dynamo",
    "task=evaluate bundle=B data=coco data.images=D data.annotations=F json=true",
    "model=e2ec +model._target_=os.system hydra.searchpath=[file:///tmp] image=${oc.env:HOME}",
)


def _overrides(folder: Path) -> None:
    for number, line in enumerate(OVERRIDES):
        (folder / f"{number}.txt").write_text(line)


def _words(rng: Random, data: bytes) -> bytes:
    return documents.words(rng, data.decode())


def _load_overrides(folder: Path) -> object:
    """As the command line does, up to the checked configuration."""
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from postprocess.errors import InputError
    from surgery.__main__ import HOME, _normalise, _one_line
    from surgery.config.run import from_mapping

    text = _one(folder, "*.txt").read_bytes().decode("utf-8", "surrogateescape")
    try:
        given = shlex.split(text)
    except ValueError:
        return None
    GlobalHydra.instance().clear()
    given = [each for each in _normalise(given) if not each.startswith("-") and "\0" not in each]
    try:
        with initialize_config_dir(str(HOME / "configs"), version_base="1.3"):
            config = compose("config", given)
        node = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except (HydraException, OmegaConfBaseException, ValueError, OSError) as error:
        raise InputError(_one_line(error)) from error
    assert isinstance(node, dict)
    return from_mapping({str(key): value for key, value in node.items()})


def _faulty(folder: Path) -> object:
    """Every fault in turn, by the case's number: what the runner is tested with."""
    number = int((folder / "number").read_text())
    if number == 1:
        os.abort()
    if number == 2:
        time.sleep(600)
    if number == 3:
        raise KeyError(number)
    if number == 4:
        return os.system("true")
    return number == 5 and len(b"1" * (600 << 20))


def _number(folder: Path) -> None:
    (folder / "number").write_text("-1")


def _count(rng: Random, folder: Path) -> None:
    path = folder.parent / "counted"
    number = int(path.read_text()) + 1 if path.exists() else 0
    path.write_text(str(number))
    (folder / "number").write_text(str(number))


SELFTEST = Loader("nothing: every fault in turn", _number, _count, _faulty)
_param = ("*.param", _words)
LOADERS = {
    "onnx": Loader(
        "ONNX, weights inside and beside it",
        seeds.onnx_files,
        _each(("*.onnx", _onnx), ("*.onnx", _onnx), ("*.data", octets.mutated)),
        _load_onnx,
    ),
    "paddle2onnx": Loader(
        "ONNX as a checkpoint", seeds.onnx_files, _each(("*.onnx", _onnx)), _load_convolutions
    ),
    "pth": Loader(
        ".pth, zip",
        seeds.checkpoint,
        _each(("net.pth", lambda rng, data: archives.mutated(rng, data, _member))),
        _load_state,
    ),
    "legacy": Loader(
        ".pth, legacy", seeds.legacy, _each(("net.pth", pickles.mutated)), _load_state
    ),
    "pdparams": Loader(
        ".pdparams", seeds.paddle, _each(("*.pdparams", pickles.mutated)), _load_paddle
    ),
    "safetensors": Loader(
        ".safetensors", seeds.safetensors, _each(("*.safetensors", _header)), _load_state
    ),
    "ncnn": Loader(
        "ncnn .param and .bin",
        seeds.ncnn,
        _each(_param, _param, ("*.bin", octets.mutated)),
        _load_ncnn,
    ),
    "bundle": Loader(
        "bundle.json and its graphs, run on a picture",
        seeds.bundle,
        _each(("bundle.json", _json), ("bundle.json", _json), ("backbone.onnx", _onnx)),
        _load_bundle,
    ),
    "golden": Loader(
        "golden.npz",
        seeds.golden,
        _each(
            (
                "golden.npz",
                lambda rng, data: archives.mutated(rng, data, lambda r, _, d: octets.mutated(r, d)),
            )
        ),
        _load_golden,
    ),
    "fit": Loader("saved fits", seeds.saved_fit, _each(("*.safetensors", _header)), _load_fit),
    "picture": Loader(
        "PNG, JPEG, WebP", seeds.pictures, _each(("picture.*", chunks.mutated)), _load_picture
    ),
    "video": Loader("MP4", seeds.video, _each(("video.mp4", chunks.mutated)), _load_video),
    "coco": Loader("COCO annotations", _coco, _each(("annotations.json", _json)), _load_coco),
    "boxes": Loader("boxes of persons", seeds.boxes, _each(("boxes.json", _json)), _load_boxes),
    "overrides": Loader(
        "settings of the command line", _overrides, _each(("*.txt", _words)), _load_overrides
    ),
}
