"""A picture of what a search measured: agreement against latency, and the Pareto front."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any


def draw_front(points: Sequence[Mapping[str, Any]]) -> bytes:
    """Draw the points of a search (:class:`surgery.search.Point`) as a PNG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    timed = [point for point in points if point["measured"]["latency"] is not None]
    for front, style, label in ((False, "x", "beaten"), (True, "o-", "Pareto front")):
        chosen = sorted(_place(point) for point in timed if point["front"] is front)
        if chosen:
            axes.plot(*zip(*chosen, strict=True), style, label=label)
    for point in timed:
        text = f"{len(point['exact'])} exact"
        axes.annotate(
            text, _place(point), fontsize="x-small", xytext=(4, 4), textcoords="offset points"
        )
    axes.set(
        xlabel="backbone in ONNX Runtime, ms", ylabel="% of instances kept, before distillation"
    )
    axes.legend(fontsize="small")
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _place(point: Mapping[str, Any]) -> tuple[float, float]:
    return point["measured"]["latency"], 100 * point["measured"]["agreement"]
