"""A bundle reads nothing outside of its own folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from postprocess.bundle import read_bundle
from postprocess.errors import InputError

from ..bundles import write_bundle
from .conftest import backbone

PREPROCESS = {"size": [64, 64], "resize": "stretch", "multiple": 4}


@pytest.mark.parametrize("name", ["backbone.onnx", "bundle.json"])
@pytest.mark.parametrize("verify", [True, False])
def test_a_link_out_of_the_bundle_is_refused(name: str, verify: bool, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    write_bundle(folder, {"backbone": backbone()}, {"name": "none"}, PREPROCESS, ["a"])
    (folder / name).rename(tmp_path / "secret")
    (folder / name).symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match="a link out of the bundle's folder"):
        read_bundle(folder, verify)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../secret", "..", "C:x"])
def test_a_path_out_of_the_bundle_is_refused(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    written = write_bundle(folder, {"backbone": backbone()}, {"name": "none"}, PREPROCESS, ["a"])
    (tmp_path / "secret").write_bytes(b"x")
    written["files"][name] = hashlib.sha256(b"x").hexdigest()
    (folder / "bundle.json").write_text(json.dumps(written))
    with pytest.raises(InputError, match="expected a plain file name"):
        read_bundle(folder)
