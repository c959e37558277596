"""``task=compare`` puts finished bundles side by side, on one picture, in one page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from postprocess.errors import InputError
from surgery.config.run import Config
from surgery.tasks import run

from ...postprocess.conftest import write_tiny_bundle

Compose = Callable[..., Config]


@pytest.fixture
def bundles(tmp_path: Path) -> list[str]:
    """One bundle with a report, one without."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        write_tiny_bundle(tmp_path / name)
    report = {
        "strategy": {"name": "native"},
        "target": "onnxruntime",
        "verdict": {"grade": "ship", "text": "keeps everything"},
        "judgement": {"kept": 0.97},
    }
    (tmp_path / "first" / "report.json").write_text(json.dumps(report))
    return [str(tmp_path / name) for name in ("first", "second")]


def test_every_bundle_is_a_column_with_its_facts(
    compose: Compose, bundles: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    settings = [f"bundles=[{','.join(bundles)}]", "runs=2", f"out={out}", "json=true"]
    run(compose("task=compare", *settings))
    facts = json.loads(capsys.readouterr().out)
    first, second = facts["bundles"]
    assert [first["bundle"], second["bundle"]] == bundles
    assert (first["strategy"], first["grade"], first["kept"]) == ("native", "ship", 0.97)
    assert (second["strategy"], second["grade"], second["kept"]) == (None, None, None)
    assert first["instances"] == second["instances"]
    sizes = [path.stat().st_size for path in (tmp_path / "first").glob("*.onnx")]
    assert first["bytes"] == sum(sizes)
    assert first["operators"]["Conv"] == 5
    assert min(first["latency"].values()) > 0
    assert json.loads((out / "compare.json").read_text()) == facts
    page = (out / "compare.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "keeps everything" in page
    assert not re.search(r"(src|href)=.(?!data:)", page.replace('src="data:', ""))
    run(compose("task=compare", *settings[:2]))
    assert "native" in capsys.readouterr().out


@pytest.mark.parametrize("chosen", [[0], [0, 0]])
def test_less_than_two_bundles_are_one_line(
    compose: Compose, bundles: list[str], chosen: list[int]
) -> None:
    named = ",".join(bundles[index] for index in chosen)
    with pytest.raises(InputError, match="'bundles' expects two bundles or more, each once"):
        run(compose("task=compare", f"bundles=[{named}]"))
