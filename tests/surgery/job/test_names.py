"""An unknown name is told before anything is loaded, with the nearest known one."""

from __future__ import annotations

from pathlib import Path

import pytest

from postprocess.errors import InputError
from surgery.job.names import require_known
from surgery.tasks import export

from ..conftest import Compose


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("surgery.passes.also=[slimm]", "surgery.passes.also: unknown pass 'slimm'; did you mean"),
        ("surgery.passes.skip=[fald]", "surgery.passes.skip: unknown pass 'fald'; did you mean"),
        ("surgery.rewrites=[conv_bnn]", "surgery.rewrites: unknown rewrite 'conv_bnn'; did you"),
        ("surgery.symbolics.also=[mishh]", "surgery.symbolics.also: unknown symbolic 'mishh'; did"),
        ("surgery.compare=[plane]", "surgery.compare: unknown rewrite 'dcn.plane'; did you mean"),
        ("surgery.dcn.name=plane", "surgery.dcn: unknown rewrite 'dcn.plane'; did you mean"),
        ("surgery.dcn.layers={dla.*: plane}", "surgery.dcn: unknown rewrite 'dcn.plane'; did you"),
    ],
)
@pytest.mark.parametrize("model", ["e2ec", "onnx"])
def test_an_unknown_name_is_told_before_the_model_is_read(
    override: str, told: str, model: str, compose: Compose, tmp_path: Path
) -> None:
    config = compose(
        f"model={model}", f"checkpoint={tmp_path}/missing", f"out={tmp_path}/out", override
    )
    with pytest.raises(InputError) as caught:
        export.run(config)
    assert str(caught.value).startswith(told)
    assert not list(tmp_path.iterdir())


def test_an_unknown_decoder_is_told_before_the_file_is_read(
    compose: Compose, tmp_path: Path
) -> None:
    given = (f"model.path={tmp_path}/missing.onnx", "model.decoder={name: ctdett}")
    with pytest.raises(InputError, match=r"unknown decoder 'ctdett'; did you mean 'ctdet'"):
        export.run(compose("model=onnx", *given, f"out={tmp_path}/out"))


def test_strategies_that_are_decided_later_are_known(compose: Compose) -> None:
    for name in ("auto", "searched", "native"):
        require_known(compose("model=e2ec", f"surgery.dcn.name={name}"))
