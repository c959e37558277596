"""Turn a training checkpoint into the committed weights: python -m training.publish_tinypose

Writes the averaged weights as float16 safetensors with what they were trained on as metadata, then
measures them as written: PCK on held-back figures, from their true boxes, without and with the flip
test, to training/logs/tinypose_figures.evaluation.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path
from typing import Any

import torch

from models.checkpoints.half import save_half
from models.tinypose import TinyPose, plugin
from surgery.scenes import EVALUATION_SEED, TRAINING_SEED

from .train_tinypose import evaluate


def publish(checkpoint: Path, weights: Path) -> dict[str, Any]:
    """Write the averaged weights of a checkpoint; returns what is known of its training."""
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")
    facts = {
        "trained_on": "surgery.scenes, domain figures, crops of 128x96",
        "scene_seed": TRAINING_SEED + state["seed"],
        "steps": state["step"],
        "processor_seconds": round(state["elapsed"]),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
    }
    net = TinyPose()
    net.load_state_dict(state["mean"])
    weights.parent.mkdir(parents=True, exist_ok=True)
    save_half(net, weights, {name: str(value) for name, value in facts.items()})
    return facts


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--checkpoint", type=Path, default=Path("outputs/training/tinypose_figures.pt")
    )
    parser.add_argument(
        "--weights", type=Path, default=Path("models/weights/tinypose_figures.safetensors")
    )
    parser.add_argument(
        "--record", type=Path, default=Path("training/logs/tinypose_figures.evaluation.json")
    )
    parser.add_argument("--count", type=int, default=500, help="held-back figures")
    args = parser.parse_args()
    facts = publish(args.checkpoint, args.weights)
    net = plugin.build({})
    plugin.load(net, args.weights)
    figures: dict[str, Any] = {
        **facts,
        "parameters": sum(p.numel() for p in net.parameters()),
        "bytes": args.weights.stat().st_size,
        "evaluation": {"figures": args.count, "seed": EVALUATION_SEED},
        "pck": evaluate(net, args.count),
        "pck_flip_test": evaluate(net, args.count, flip=True),
    }
    args.record.write_text(json.dumps(figures, indent=1) + "\n")
    for name in ("pck", "pck_flip_test"):
        print(f"{name:>13} " + " ".join(f"{k} {v:.3f}" for k, v in figures[name].items()))


if __name__ == "__main__":
    main()
