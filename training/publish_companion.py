"""Ship a fit with a demo network: in float16, in the place of the network's last one.

    SURGERY_CACHE=fits python -m surgery model=e2ec surgery.dcn=distilled \\
        surgery.fit.minutes=15 surgery.fit.again=true
    python -m training.publish_companion fits/*.companion.safetensors
"""

from __future__ import annotations

import argparse
from pathlib import Path

from surgery.fitting import saved

WEIGHTS = Path(__file__).resolve().parent.parent / "models" / "weights"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="COMPANION")
    for path in parser.parse_args().files:
        said = saved.metadata_of(path)
        key = saved.Key(said["network"], said["settings"], said["images"])
        for older in WEIGHTS.glob(f"{key.network[:16]}-{key.strategy}-*{saved.SUFFIX}"):
            older.unlink()
        print(saved.save(saved.load(path), key, WEIGHTS, half=True))


if __name__ == "__main__":
    main()
