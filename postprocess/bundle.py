"""Reading a bundle: `bundle.json` checked field by field, and every listed file against its hash.

The same rules stand as a JSON Schema in `bundle.schema.json`, for other languages and editors; here
they are checked by hand, so that the run time needs no further package and a message names
the file, the field, what was expected and what is there.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import InputError
from .fields import Field
from .preprocess import Preprocess
from .reading import read_text

SCHEMA_VERSION = 1
SCHEMA_FILE = Path(__file__).with_name("bundle.schema.json")
DTYPES = ("float32", "float16", "int32", "int64", "uint8", "int8", "bool")


@dataclass(frozen=True)
class TensorInfo:
    """One input or output of a graph; a string in `shape` names a dimension that varies."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class GraphInfo:
    """One ONNX file of the bundle and its inputs and outputs, in order."""

    file: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]


@dataclass(frozen=True)
class BundleInfo:
    """What the run time needs of `bundle.json`.

    Attributes:
        folder: the bundle's folder.
        name: the model's name.
        preprocess: from an image to the network's input.
        graphs: by name: "backbone" always, "refine" for contour models.
        decoder: the decoder's name.
        decoder_params: its parameters.
        classes: class names, in the order of the class index.
        keypoints: keypoint names; empty for contour models.
        skeleton: pairs of keypoint indices to join when drawing.
        files: sha256 of each file.
        document: the whole parsed `bundle.json`, with ledger, parity and versions.
    """

    folder: Path
    name: str
    preprocess: Preprocess
    graphs: Mapping[str, GraphInfo]
    decoder: str
    decoder_params: Mapping[str, Any]
    classes: tuple[str, ...]
    keypoints: tuple[str, ...]
    skeleton: tuple[tuple[int, int], ...]
    files: Mapping[str, str]
    document: Mapping[str, Any]


def read_bundle(folder: str | Path, verify: bool = True) -> BundleInfo:
    """Read a bundle's `bundle.json` and check it.

    Args:
        folder: the bundle's folder.
        verify: also compare every listed file with its sha256.

    Raises:
        InputError: no bundle there, a field that is not as expected, a newer schema version, a
            file missing or changed.
    """
    folder = Path(folder)
    path = folder / "bundle.json"
    info = parse_bundle(_parsed(path), path)
    for name, expected in info.files.items():
        _check_file(folder / name, expected if verify else None)
    return info


def parse_bundle(document: Any, path: str | Path = "bundle.json") -> BundleInfo:
    """Check a parsed `bundle.json`; `path` names it in messages. Reads no other file."""
    root = Field(document, str(path))
    version = root["schema"].integer(least=1)
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{path}: schema version {version} is newer than {SCHEMA_VERSION}, which this version "
            "reads: update it (pip install --upgrade model-surgery), or write the bundle anew"
        )
    files = {_file_name(name, root["files"]): sha for name, sha in _hashes(root["files"]).items()}
    graphs = {name: _graph(field, files) for name, field in root["graphs"].items()}
    if "backbone" not in graphs:
        raise root["graphs"].error("a graph named 'backbone'")
    keypoints = _names(root["keypoints"])
    decoder = dict(root["decoder"].mapping())
    decoder.pop("name", None)
    return BundleInfo(
        folder=Path(path).parent,
        name=root["model"]["name"].text(),
        preprocess=Preprocess.from_json(root["preprocess"]),
        graphs=graphs,
        decoder=root["decoder"]["name"].text(),
        decoder_params=decoder,
        classes=_names(root["classes"]),
        keypoints=keypoints,
        skeleton=_skeleton(root["skeleton"], len(keypoints)),
        files=files,
        document=root.mapping(),
    )


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _parsed(path: Path) -> Any:
    if not path.parent.is_dir():
        raise InputError(f"{path.parent}: no such folder; a bundle is a folder with a bundle.json")
    _require_inside(path)
    try:
        return json.loads(read_text(path))
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path.parent}: not a bundle, it has no bundle.json") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # not JSON, or not UTF-8
        raise InputError(f"{path}: not JSON: {error}") from error


def _require_inside(path: Path) -> None:
    """Refuse a link out of the bundle's folder: a stranger's bundle could name any file by it."""
    if path.is_symlink() and path.resolve().parent != path.parent.resolve():
        raise InputError(
            f"{path}: a link out of the bundle's folder; copy the bundle with its files (cp -rL)"
        )


def _check_file(path: Path, expected: str | None) -> None:
    _require_inside(path)
    if not path.is_file():
        raise InputError(f"{path}: missing, though bundle.json lists it; copy the whole bundle")
    if expected is None:
        return
    try:
        found = sha256(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if found != expected:
        raise InputError(
            f"{path}: sha256 is {found[:12]}..., bundle.json says {expected[:12]}...: the file was "
            "changed or cut short; copy the bundle again, or load it unverified (--no-verify)"
        )


def _hashes(field: Field) -> dict[str, str]:
    hashes = {}
    for name, value in field.items():
        if not re.fullmatch("[0-9a-f]{64}", value.text()):
            raise value.error("a sha256, 64 lower-case hex digits")
        hashes[name] = value.text()
    return hashes


def _file_name(name: str, field: Field) -> str:
    """The name, after refusing one that could lead out of the bundle's folder."""
    if not name or name in (".", "..") or re.search(r"[/\\:\0]", name):
        raise InputError(
            f"{field.file}: {field.path!r} names {name!r}: expected a plain file name, since a "
            "bundle's files lie in its own folder"
        )
    return name


def _graph(field: Field, files: Mapping[str, str]) -> GraphInfo:
    file = _file_name(field["file"].text(), field["file"])
    if file not in files:
        raise field["file"].error(f"one of the listed files ({', '.join(files) or 'none'})")
    inputs, outputs = (
        tuple(_tensor(item) for item in field[key].elements()) for key in ("inputs", "outputs")
    )
    if not inputs or not outputs:
        raise field.error("at least one input and one output")
    return GraphInfo(file, inputs, outputs)


def _tensor(field: Field) -> TensorInfo:
    shape: list[int | str] = []
    for side in field["shape"].elements():
        symbol = isinstance(side.value, str) and side.value
        shape.append(side.text() if symbol else side.integer(least=1))
    return TensorInfo(field["name"].text(), field["dtype"].text(DTYPES), tuple(shape))


def _names(field: Field) -> tuple[str, ...]:
    return tuple(name.text() for name in field.elements())


def _skeleton(field: Field, count: int) -> tuple[tuple[int, int], ...]:
    pairs = []
    for pair in field.elements():
        first, second = (end.integer(least=0) for end in pair.elements(2))
        if max(first, second) >= count:
            raise pair.error(f"two indices into the {count} keypoints")
        pairs.append((first, second))
    return tuple(pairs)
