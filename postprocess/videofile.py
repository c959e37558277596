"""Videos on disk, by OpenCV's FFmpeg: frames read ahead on a thread, overlays written whole.

A frame that cannot be decoded is counted and left out; the container's own count tells a broken
frame from the end.
"""

from __future__ import annotations

import os
import queue
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from .errors import InputError
from .preprocess import Image
from .reading import require_regular

SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm")
USUAL_RATE = 25.0
"""Frames a second where the file does not say."""

MOST_BROKEN = 100
"""So many frames in a row that cannot be decoded end a video."""

INEXACT = 1
"""Frames by which a container's own count may be too large."""

CODEC = "mp4v"
"""MPEG-4 part 2: OpenCV's wheels hold no encoder for H.264."""


def is_video(path: str) -> bool:
    """Whether the name ends as a video's does."""
    return path.lower().endswith(SUFFIXES)


@dataclass(frozen=True)
class Frame:
    """One frame of a video.

    Attributes:
        index: its place in the video, from 0; broken frames count.
        seconds: when it is shown; grows from frame to frame.
        image: (H, W, 3) uint8 BGR, upright.
    """

    index: int
    seconds: float
    image: Image


class Frames:
    """Iterates once over the frames of a video, which a thread decodes ahead.

    Used as a context manager, which ends the thread.

    Args:
        path: the file.
        ahead: most frames that wait, decoded, for the caller.

    Attributes:
        rate: frames a second.
        count: frames as the container says, 0 where it does not.
        broken: frames that could not be decoded so far.

    Raises:
        InputError: the file cannot be read, or is not a video. Iterating raises it too, where
            not a single frame can be decoded.
    """

    def __init__(self, path: str, ahead: int = 4) -> None:
        try:
            require_regular(path)
            with open(path, "rb") as file:
                empty = not file.read(1)
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        self.path = path
        self._capture = cv2.VideoCapture()
        # an absolute path, so that FFmpeg reads no protocol into a name such as "http:a.mp4"
        if empty or not self._capture.open(os.path.abspath(path), cv2.CAP_FFMPEG):
            reason = "the file is empty" if empty else "OpenCV's FFmpeg cannot open it"
            raise InputError(f"{path}: not a video, {reason}")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate < 1000 else USUAL_RATE
        self.count = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        self.broken = 0
        self._queue: queue.Queue[Frame | Exception | None] = queue.Queue(ahead)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="frames", daemon=True)

    def __enter__(self) -> Frames:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._capture.release()

    def __iter__(self) -> Iterator[Frame]:
        some = False
        while (item := self._queue.get()) is not None:
            if isinstance(item, Exception):
                raise InputError(f"{self.path}: OpenCV stopped reading it: {item}") from item
            some = True
            yield item
        if not some:
            raise InputError(f"{self.path}: not one frame of it can be decoded")

    def _read(self) -> None:
        try:
            self._read_all()
        except Exception as error:  # handed to the thread that iterates
            self._put(error)
        else:
            self._put(None)

    def _read_all(self) -> None:
        index, failed, seconds = 0, 0, -1.0
        while not self._stop.is_set():
            good, image = self._capture.read()
            if good:
                self.broken += failed
                failed = 0
                shown = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                seconds = shown if shown > seconds else seconds + 1 / self.rate
                self._put(Frame(index, seconds, image.astype(np.uint8, copy=False)))
            else:
                failed += 1
                if failed >= MOST_BROKEN or (self.count and index >= self.count):
                    missing = self.count - (index + 1 - failed)
                    self.broken += missing if missing > INEXACT else 0
                    return
            index += 1

    def _put(self, item: Frame | Exception | None) -> None:
        while not self._stop.is_set():
            with suppress(queue.Full):
                self._queue.put(item, timeout=0.1)
                break


class VideoFile:
    """Writes an MP4 beside its path; leaving the context without an error moves it there.

    Args:
        path: the file to write.
        rate: frames a second.
    """

    def __init__(self, path: Path, rate: float) -> None:
        self.path, self._rate = path, rate
        self._size = (0, 0)
        self._frames = 0
        self._writer = cv2.VideoWriter()

    def __enter__(self) -> VideoFile:
        try:
            handle, name = tempfile.mkstemp(
                prefix=f".{self.path.name}.", suffix=".mp4", dir=self.path.parent
            )
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written: {error.strerror}") from error
        os.close(handle)
        self._temporary = Path(name)
        return self

    def write(self, image: Image) -> None:
        """Add a frame, (H, W, 3) uint8 BGR; one of another size is brought to the first one's.

        Raises:
            InputError: OpenCV cannot write a video there.
        """
        if not self._frames:
            self._size = image.shape[1], image.shape[0]
            code = cv2.VideoWriter.fourcc(*CODEC)
            opened = self._writer.open(str(self._temporary), code, self._rate, self._size)
            if not opened:
                raise self._failed()
        if (image.shape[1], image.shape[0]) != self._size:
            image = cv2.resize(image, self._size).astype(np.uint8, copy=False)
        self._writer.write(image)
        self._frames += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.release()
        try:
            if error is None:
                self._check()
                mask = os.umask(0)
                os.umask(mask)
                self._temporary.chmod(0o666 & ~mask)
                self._temporary.replace(self.path)
        finally:
            self._temporary.unlink(missing_ok=True)

    def _check(self) -> None:
        """OpenCV reports no failed write (a full disk): the file itself has to hold every frame."""
        written = cv2.VideoCapture(str(self._temporary), cv2.CAP_FFMPEG)
        count = written.get(cv2.CAP_PROP_FRAME_COUNT) if written.isOpened() else 0
        written.release()
        if count != self._frames:
            raise self._failed()

    def _failed(self) -> InputError:
        return InputError(f"{self.path}: OpenCV cannot write a video there (is the disk full?)")
