"""Write report.json and report.html, a page that needs no other file and no network."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2


def _figure(value: Any) -> str:
    """A number for a table: four significant digits, thousands grouped, small ones in exponents."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.2e}" if value and abs(value) < 1e-3 else f"{value:,.4g}"


def _data_uri(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")


def render(
    facts: Mapping[str, Any], pictures: Mapping[str, bytes], template: str = "page.html.j2"
) -> str:
    """The page as text.

    Args:
        facts: what report.json holds.
        pictures: PNG files by their caption.
        template: a file beside this one.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__, "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["figure"] = _figure
    uris = {caption: _data_uri(picture) for caption, picture in pictures.items()}
    return environment.get_template(template).render(facts=facts, pictures=uris)


def write_report(folder: Path, facts: Mapping[str, Any], pictures: Mapping[str, bytes]) -> None:
    """Write ``report.json`` and ``report.html`` into ``folder``."""
    text = json.dumps(facts, indent=1, allow_nan=False)
    (folder / "report.json").write_text(text + "\n")
    (folder / "report.html").write_text(render(facts, pictures), encoding="utf-8")
