"""The report of a run: the same facts as JSON for programs and as a page for people."""

from .page import write_report

__all__ = ["write_report"]
