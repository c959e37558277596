"""Command line of the run time: `python -m postprocess BUNDLE IMAGE... [--out DIR] [--json]`.

Nothing heavy is imported before it is needed, so that `--help` and a wrong argument answer at once.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import InputError, drop_output, open_streams, unwritable
from .progress import Progress

if TYPE_CHECKING:
    from .overlays import Overlays
    from .preprocess import Image
    from .result import Result
    from .runtime import Runtime


def main(arguments: Sequence[str] | None = None) -> int:
    """Run on every image; 0 if all went well, 1 if an input was at fault (one line on stderr)."""
    open_streams()
    options = _parser().parse_args(arguments)
    progress = Progress(sys.stderr.isatty())
    with _warnings_in_one_line(progress):
        try:
            code = _run(options, progress)
            sys.stdout.flush()
            return code
        except (InputError, ImportError) as error:
            progress.line(f"error: {error}", sys.stderr)
            return 1
        except BrokenPipeError:  # whoever read our output has gone, `| head` for one
            drop_output()
            return 1
        except OSError as error:
            if cause := unwritable(error):
                drop_output()
                progress.line(f"error: {cause}", sys.stderr)
                return 1
            raise
        except KeyboardInterrupt:
            progress.line("interrupted", sys.stderr)
            return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m postprocess",
        description="Find objects in images with a bundle that the surgery wrote.",
        epilog="Exits 0 if every image was processed, 1 if an input was at fault.",
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="folder that holds bundle.json")
    parser.add_argument(
        "images",
        metavar="IMAGE",
        nargs="+",
        help="image files, folders of images, patterns, or videos",
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="write overlay pictures and videos there"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object for each image or frame, a line"
    )
    parser.add_argument(
        "--smooth",
        choices=("one-euro", "ema", "none"),
        default="one-euro",
        help="filter over time for the keypoints of a video (default: one-euro)",
    )
    persons = parser.add_mutually_exclusive_group()
    persons.add_argument(
        "--boxes",
        metavar="FILE",
        help="persons in the images, for a network that sees one at a time: COCO annotations or "
        "results, or what --json printed (default: the whole image is one person)",
    )
    persons.add_argument(
        "--detector", metavar="BUNDLE", help="find the persons with this bundle first"
    )
    parser.add_argument(
        "--flip-test", action="store_true", help="average with the mirrored image (keypoints)"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads within an operator")
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="T",
        help="least score of an instance (default: the bundle's; 0.3 in pictures)",
    )
    parser.add_argument(
        "--backend", choices=("cpp", "numpy"), help="compiled decoders, or their numpy reference"
    )
    parser.add_argument(
        "--no-verify", action="store_true", help="do not compare the files with their sha256"
    )
    return parser


def _run(options: argparse.Namespace, progress: Progress) -> int:
    from .images import find_images
    from .runtime import load

    given = {"threshold": options.threshold, "backend": options.backend}
    runtime = load(
        options.bundle,
        threads=options.threads,
        verify=not options.no_verify,
        decoder={name: value for name, value in given.items() if value is not None},
        flip_test=options.flip_test,
    )
    boxes_of = _boxes(options, runtime)
    failed = False
    paths: list[str] = []
    for each in options.images:
        try:
            paths += find_images(each)
        except InputError as error:
            failed = True
            progress.line(f"error: {error}", sys.stderr)
    with _overlays(options) as overlays:
        failed |= _each(paths, options, runtime, boxes_of, overlays, progress)
    progress.clear()
    sys.stdout.flush()
    return 1 if failed else 0


def _each(
    paths: Sequence[str],
    options: argparse.Namespace,
    runtime: Runtime,
    boxes_of: Callable[[str, Image], Any],
    overlays: Overlays | None,
    progress: Progress,
) -> bool:
    """Run on one file after another, telling of each; whether one was at fault."""
    from .images import read_image
    from .videofile import is_video

    failed = False
    for i, path in enumerate(paths):
        progress.show(i, len(paths), path)
        try:
            if is_video(path):
                _video(path, options, boxes_of, overlays, runtime, progress)
                continue
            image = read_image(path)
            result = runtime(image, boxes_of(path, image))
            picture = overlays.write(path, image, result) if overlays else None
        except InputError as error:
            failed = True
            message = str(error) if str(error).startswith(path) else f"{path}: {error}"
            progress.line(f"error: {message}", sys.stderr)
            continue
        if options.json:
            text = json.dumps(result.to_json(path), allow_nan=False)
        else:
            text = _sentence(path, result, picture, options.threshold)
        progress.line(text, sys.stdout)
    return failed


def _overlays(options: argparse.Namespace) -> AbstractContextManager[Overlays | None]:
    """Where pictures and videos go; None where nobody wants them."""
    if options.out is None:
        return nullcontext()
    from .overlays import Overlays

    return Overlays(options.out, options.threshold)


def _video(
    path: str,
    options: argparse.Namespace,
    boxes_of: Callable[[str, Image], Any],
    overlays: Overlays | None,
    runtime: Runtime,
    progress: Progress,
) -> None:
    """Run on the frames of a video; what became of them is said on stderr where JSON has stdout."""
    import cv2

    from .video import VideoOptions, run_video

    if options.boxes:
        raise InputError("--boxes is for images; use --detector to find the persons of a video")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # broken frames are ours to count
    cv2.utils.logging.setLogLevel(0)  # and a file that does not open is ours to name
    settings = VideoOptions(
        out=overlays.target(path, ".mp4") if overlays else None,
        smooth=options.smooth,
        line=(lambda text: progress.line(text, sys.stdout)) if options.json else None,
        status=progress.status,
        status_every=0.2 if progress.enabled else 10.0,
    )
    if options.threshold is not None:
        settings = replace(settings, least_score=options.threshold)
    summary = run_video(path, lambda image: runtime(image, boxes_of(path, image)), settings)
    progress.line(summary.sentence(path, settings.out), sys.stderr if options.json else sys.stdout)


def _boxes(options: argparse.Namespace, runtime: Runtime) -> Callable[[str, Image], Any]:
    """How to get at the persons of an image: (path, image) -> boxes, None where nobody said."""
    if options.boxes:
        from .boxes import BoxFile

        file = BoxFile(options.boxes)
        return lambda path, image: file.of(path)
    if options.detector:
        from .detector import Detector

        detector = Detector(options.detector, runtime.bundle.classes, options.threads)
        return lambda path, image: detector(image)
    return lambda path, image: None


def _sentence(path: str, result: Result, picture: Path | None, threshold: float | None) -> str:
    """For people: "photo.jpg: 3 instances (2 person, 1 dog), best 0.91 -> out/photo.png".

    Counted are those that a picture shows; a detector leaves many more that it hardly believes in.
    """
    from .draw import DRAWN_SCORE

    least = DRAWN_SCORE if threshold is None else threshold
    drawn = [item for item in result.instances if item.score >= least]
    count, others = len(drawn), len(result.instances) - len(drawn)
    text = f"{path}: {count or 'no'} instance{'' if count == 1 else 's'}"
    if count:
        labels = Counter(item.label for item in drawn).most_common()
        kinds = ", ".join(f"{number} {label}" for label, number in labels)
        text += f" ({kinds}), best {max(item.score for item in drawn):.2f}"
    if others:
        text += f"; {others} below score {least:g}"
    return f"{text} -> {picture}" if picture else text


@contextmanager
def _warnings_in_one_line(progress: Progress) -> Iterator[None]:
    """Show each RuntimeWarning (NaN in a heatmap, say) as one line, for every image it concerns."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        progress.line(f"warning: {message}", sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", RuntimeWarning)
        warnings.showwarning = show
        yield


if __name__ == "__main__":
    sys.exit(main())
