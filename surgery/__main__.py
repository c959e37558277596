"""``python -m surgery``: compose the configuration, run one task, end with one line and a code.

Exit code 0 on success; 1 with a one-line cause when the input is at fault; 130 on Ctrl-C.
"""

from __future__ import annotations

import faulthandler
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parent.parent
# Settings that hold a path: signs of Hydra's grammar in it are the path's own.
PATHS = (
    *("image", "images", "checkpoint", "out", "bundle", "against", "model.path", "graph.file"),
    *(
        "data.images",
        "data.annotations",
        "surgery.calibration.images",
        "surgery.judge.images",
        "json",
    ),
)
HELP: tuple[list[str], ...] = ([], ["doctor"], ["--help"], ["-h"])  # arguments that ask for it
PLAIN = r"[\w./~:+@%?*-]*"  # of a path that Hydra takes without quotes


_composed: list[bool] = []  # whether Hydra got as far as to call us


def _prefer_own_packages() -> None:
    """Keep a ``models`` or ``configs`` folder of the caller's from standing in for ours.

    ``python -m`` puts the working directory first on the path. Where that is not this source tree,
    and it holds a package named like one of ours, it moves behind everything installed.
    """
    here = Path(sys.path[0] or os.curdir).resolve()
    if here != HOME and any((here / name).exists() for name in ("models", "configs", "models.py")):
        sys.path.append(sys.path.pop(0))


def _normalise(arguments: list[str]) -> list[str]:
    """Write out what is short for something longer.

    ``surgery.dcn=NAME`` is ``surgery.dcn.name=NAME``: it has other keys too. ``target=[A,B]`` is
    ``target=all target.members=[A,B]``: of a list of group members Hydra would keep the last. The
    name of an ONNX file is ``model.path=FILE``, and where neither a task nor a model is named, the
    doctor's. ``model.input=PRESET`` stands for the preset's keys. A path is put in quotes where it
    holds signs that mean something to Hydra; in a sweep (-m) a comma separates.
    """
    if arguments[0] == "doctor":
        arguments = arguments[1:]
    long: list[str] = []
    named = any(re.match(r"(task|model)=", argument) for argument in arguments)
    sweep = any(argument in ("-m", "--multirun") for argument in arguments)
    for argument in arguments:
        if re.fullmatch(r"target=\[.*\]", argument):
            long += ["target=all", f"target.members={argument.partition('=')[2]}"]
        elif argument.endswith(".onnx") and "=" not in argument:
            long.append(f"model.path={_quoted(argument)}")
            if not named:
                variant = re.sub(r"\W+", "_", Path(argument).stem)
                long += ["task=doctor", "model=onnx", f"model.variant={_quoted(variant)}"]
        elif preset := re.fullmatch(r"model\.input=([A-Za-z]\w*)", argument):
            long += _preset(preset[1])
        elif not sweep and (path := _path(argument)):
            long.append(path)
        else:
            dcn = r"^(\+{0,2})surgery\.dcn=(?!\{)"
            long.append(re.sub(dcn, r"\1surgery.dcn.name=", argument))
    return long


def _require_no_code(arguments: list[str]) -> None:
    """Refuse settings by which Hydra would import and call what they name.

    Its launchers, sweepers, callbacks and log handlers are objects made of ``_target_`` and ``()``,
    and a folder on its search path may hold such a file. A command may be copied from a stranger.

    Raises:
        InputError: naming the setting.
    """
    from postprocess.errors import InputError

    for argument in arguments:
        key = argument.partition("=")[0].lstrip("+~")
        factory = key.startswith("hydra") and ("()" in argument or key == "hydra.searchpath")
        if "_target_" in argument or factory:
            raise InputError(
                f"{argument!r} would let Hydra call what it names: refused; configurations of "
                "other packages come through the entry point surgery.configs"
            )


def _quoted(text: str) -> str:
    """A string in Hydra's grammar."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _path(argument: str) -> str | None:
    """``KEY=PATH`` with the path in quotes, None for what is no path or needs none."""
    key, _, value = argument.partition("=")
    if key not in PATHS or value[:1] in ("", *"'\"[{$") or re.fullmatch(PLAIN, value, re.ASCII):
        return None
    return f"{key}={_quoted(value)}"


def _preset(name: str) -> list[str]:
    """The settings that a preset of ``model.input`` stands for."""
    from postprocess.errors import InputError

    from .foreign.presets import preset

    try:
        return [f"model.input.{key}={value}" for key, value in preset(name).items()]
    except InputError as error:
        sys.exit(_refused(f"model.input: {error}"))


def _run(config: Any) -> None:
    """Hydra's task function: one job of a run or of a sweep."""
    _composed.append(True)
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import OmegaConf

    from models.errors import ModelError
    from postprocess.errors import InputError, drop_output, unwritable

    from .config.run import from_mapping
    from .tasks import run

    hydra = HydraConfig.get()
    sweep = hydra.mode == RunMode.MULTIRUN
    node = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(node, dict)
    folder = Path(hydra.runtime.output_dir) if sweep else None
    if sweep and node["out"] is not None:  # the jobs of a sweep must not overwrite each other
        node["out"] = str(Path(node["out"]) / hydra.sweep.subdir)
    try:
        run(from_mapping({str(key): value for key, value in node.items()}, out=folder))
    except (InputError, ModelError) as error:
        if sweep:  # Hydra goes on with the other jobs and raises this at the end
            raise
        sys.exit(_refused(str(error), getattr(error, "crash", "")))
    except OSError as error:
        if sweep or not (cause := unwritable(error)):
            raise
        drop_output()
        sys.exit(_refused(cause))


def _refused(cause: str, crash: str = "") -> int:
    """Print the one line of a refusal, and the stack of a crash in a child; return the code."""
    print(f"surgery: {cause}", *filter(None, [crash]), sep="\n", file=sys.stderr)
    return 1


def _one_line(error: Exception) -> str:
    """What Hydra found wrong with the overrides, on one line."""
    options = getattr(error, "options", None)
    if options:  # a member of a group that does not exist
        from postprocess.registry import suggestion

        from .targets.registry import TARGETS

        group, _, name = str(getattr(error, "missing_cfg_file", "")).rpartition("/")
        if group == "target" and (broken := TARGETS.problems().get(name)):
            return broken
        known = sorted(option for option in options if not option.startswith("_"))
        close = suggestion(name, known)
        return f"unknown {group} {name!r}{close} (there are: {', '.join(known)})"
    if found := re.match(r"Could not override '([^']*)'", str(error)):
        return f"unknown setting {found[1]!r} (--cfg job shows those that there are)"
    override = getattr(error, "override", None)  # one that cannot be parsed
    if override is not None and "=" not in override:
        return f"{override!r} is not a setting: they are KEY=VALUE, as in model=e2ec"
    if override is not None:
        cause = str(error).splitlines()[0]
        return (
            f"cannot read {override!r} ({cause}): the shell wants quotes around {{}}, [] and spaces"
        )
    lines = [line.strip() for line in str(error).splitlines()]
    kept = [line for line in lines if line and not line.startswith(("full_key:", "object_type="))]
    return "; ".join(line.rstrip(".") for line in kept[:3])


def _help() -> int:
    """Print what the command line takes; whoever reads it may stop at any line."""
    from postprocess.errors import drop_output

    from .tasks.help import text

    try:
        print(text(), flush=True)
    except OSError:
        drop_output()
        return 1
    return 0


def main() -> int:
    """Run the command line; the process's exit code is returned."""
    _prefer_own_packages()
    from postprocess.errors import open_streams

    open_streams()
    # GCC's OpenMP, with which torch runs, lets a thread that waits hold its core for a third of a
    # million turns. Where others want the core a pass of the demo takes 3 s so, and 0.15 s with
    # this; where nobody does it takes 4 % longer.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    with suppress(OSError, RuntimeError):  # without standard error there is nowhere to tell it
        faulthandler.enable()  # native code that crashes leaves its stack
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors reach us whole; we print their one line
    try:
        if sys.argv[1:] in HELP:
            return _help()
        import hydra
    except ModuleNotFoundError as error:
        return _refused(
            f"{error.name} is not installed: here is the run time alone, python -m postprocess; "
            "the wheel installed without --no-deps brings what the surgery needs"
        )
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from models.errors import ModelError
    from postprocess.errors import InputError, drop_output, unwritable

    from .tasks.plugin_configs import join_search_path

    try:
        _require_no_code(sys.argv[1:])
    except InputError as error:
        return _refused(str(error))
    join_search_path()
    sys.argv[1:] = _normalise(sys.argv[1:])
    entry = hydra.main(version_base="1.3", config_path=str(HOME / "configs"), config_name="config")
    try:
        entry(_run)()
        sys.stdout.flush()
    except (InputError, ModelError) as error:
        return _refused(str(error), getattr(error, "crash", ""))
    except (HydraException, OmegaConfBaseException) as error:
        return _refused(_one_line(error))
    except ValueError as error:  # Hydra's own for a group=3, before anything of ours has run
        if _composed:
            raise
        return _refused(_one_line(error))
    except BrokenPipeError:  # whoever read our output has gone, `| head` for one
        drop_output()
        return 1
    except OSError as error:
        if cause := unwritable(error):
            drop_output()
            return _refused(cause)
        if not _composed:  # a name that the file system does not take
            return _refused(str(error.strerror))
        raise
    except KeyboardInterrupt:
        print("surgery: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
