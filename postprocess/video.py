"""A video through a bundle: frame -> instances -> track ids -> smoothed keypoints -> JSON, overlay.

The next frames are decoded on a thread while the network works on this one (videofile.py).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from .draw import DRAWN_SCORE, overlay
from .preprocess import Image
from .result import Result
from .smoothing import FILTERS, KeypointSmoother
from .tracking import Tracker
from .videofile import Frame, Frames, VideoFile

STATUS_AFTER = 2.0
"""Seconds before anything is said about progress."""


@dataclass(frozen=True)
class VideoOptions:
    """What to make of a video.

    Attributes:
        out: overlay video to write, or None.
        smooth: name in `FILTERS`, or "none".
        least_score: of an instance that is drawn and of one that starts a track.
        line: takes one JSON line a frame, or None.
        status: takes a line about progress, or None.
        status_every: seconds from one such line to the next.
    """

    out: Path | None = None
    smooth: str = "one-euro"
    least_score: float = DRAWN_SCORE
    line: Callable[[str], None] | None = None
    status: Callable[[str], None] | None = None
    status_every: float = 0.2


@dataclass(frozen=True)
class VideoSummary:
    """What became of a video.

    Attributes:
        frames: frames that were processed.
        broken: frames that could not be decoded.
        tracks: number of track ids.
        seconds: time that it took.
    """

    frames: int
    broken: int
    tracks: int
    seconds: float

    def sentence(self, path: str, out: Path | None) -> str:
        """For people: "a.mp4: 50 frames in 2.1 s (23.8 fps), 3 tracks -> out/a.mp4"."""
        text = f"{path}: {_counted(self.frames, 'frame')} in {self.seconds:.1f} s "
        text += f"({self.frames / self.seconds:.1f} fps), {_counted(self.tracks, 'track')}"
        if self.broken:
            text += f", {_counted(self.broken, 'broken frame')} skipped"
        return f"{text} -> {out}" if out else text


def run_video(
    path: str, find: Callable[[Image], Result], options: VideoOptions | None = None
) -> VideoSummary:
    """Find, track and draw the objects of a video.

    Args:
        path: the file.
        find: from a frame, (H, W, 3) uint8 BGR, to its objects; a Runtime, for one.
        options: what to write where.

    Raises:
        InputError: not a video, frames that the network does not take, SciPy is not installed, or
            the overlay cannot be written. No overlay is left then.
    """
    options = options or VideoOptions()
    tracker = Tracker(options.least_score)
    started = said = time.monotonic()
    done = 0
    with ExitStack() as stack:
        frames = stack.enter_context(Frames(path))
        drawn = stack.enter_context(VideoFile(options.out, frames.rate)) if options.out else None
        for frame, result in followed(frames, find, tracker, options.smooth):
            if drawn:
                drawn.write(overlay(frame.image, result, options.least_score))
            if options.line:
                options.line(frame_json(path, frame, result))
            done += 1
            now = time.monotonic()
            first = said == started
            if options.status and now - said >= (STATUS_AFTER if first else options.status_every):
                said = now
                options.status(_status(path, done, frame.index + 1, frames.count, now - started))
    return VideoSummary(done, frames.broken, tracker.started, time.monotonic() - started)


def followed(
    frames: Frames, find: Callable[[Image], Result], tracker: Tracker, smooth: str = "one-euro"
) -> Iterator[tuple[Frame, Result]]:
    """Every frame with its objects, these with track ids and smoothed keypoints."""
    smoother = KeypointSmoother(FILTERS[smooth]) if smooth != "none" else None
    for frame in frames:
        result = tracker(find(frame.image), frame.index)
        yield frame, smoother(result, frame.seconds) if smoother else result


def frame_json(path: str, frame: Frame, result: Result) -> str:
    """One line of JSON: the object of an image, with "frame"."""
    found = result.to_json(path)
    ordered = {"image": path, "frame": frame.index, "instances": found["instances"]}
    return json.dumps(ordered, allow_nan=False)


def _status(path: str, done: int, position: int, count: int, seconds: float) -> str:
    text = f"{os.path.basename(path)}: frame {position}"
    text += f" of {count}" if count else ""
    text += f", {done / seconds:.1f} fps"
    left = (count - position) * seconds / position
    return f"{text}, {left:.0f} s left" if count > position else text


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
