"""The report of a run: the same facts as JSON for programs and as a page for people."""

from .front import draw_front
from .page import write_report

__all__ = ["draw_front", "write_report"]
