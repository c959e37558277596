"""Turn a training checkpoint into the committed weights: python -m training.publish NAME

Writes the averaged weights as float16 safetensors with what they were trained on as metadata, then
measures them as written: mask AP by stage on held-back scenes and the offsets of every layer, to
training/logs/NAME.evaluation.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from surgery.scenes import DOMAINS, EVALUATION_SEED, TRAINING_SEED

from .networks import DEMOS, checkpoint_of
from .results import ap_by_stage, offset_statistics


def publish(name: str, checkpoint: Path, weights: Path) -> dict[str, Any]:
    """Write the averaged weights of a checkpoint; returns what is known of its training."""
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")
    facts = {
        "network": state["network"],
        "classes": list(DOMAINS["shapes"].classes),
        "trained_on": "surgery.scenes, domain shapes, 128x128",
        "scene_seed": TRAINING_SEED + state["seed"],
        "steps": state["step"],
        "seconds": round(state["elapsed"]),
        "clock": DEMOS[name].clock,
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
    }
    tensors = {
        key: (value.half() if value.is_floating_point() else value).contiguous()
        for key, value in state["mean"].items()
    }
    weights.parent.mkdir(parents=True, exist_ok=True)
    save_file(
        tensors, weights, {k: v if isinstance(v, str) else json.dumps(v) for k, v in facts.items()}
    )
    return facts


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", nargs="?", choices=list(DEMOS), default="e2ec_scenes")
    parser.add_argument("--checkpoint", type=Path, help="outputs/training/NAME.pt")
    parser.add_argument("--count", type=int, default=500, help="held-back scenes")
    args = parser.parse_args()
    weights = Path("models/weights") / f"{args.name}.safetensors"
    record = Path("training/logs") / f"{args.name}.evaluation.json"
    facts = publish(args.name, args.checkpoint or checkpoint_of(args.name), weights)
    net = DEMOS[args.name].build()
    net.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in load_file(weights).items()}
    )
    net.eval()
    begun = time.monotonic()
    figures: dict[str, Any] = {
        **facts,
        "parameters": sum(p.numel() for p in net.parameters()),
        "bytes": weights.stat().st_size,
        "evaluation": {"scenes": args.count, "seed": EVALUATION_SEED},
        "ap": ap_by_stage(args.name, net, args.count),
        "offsets": offset_statistics(net),
    }
    figures["evaluation"]["seconds"] = round(time.monotonic() - begun)
    record.write_text(json.dumps(figures, indent=1) + "\n")
    for stage, values in figures["ap"].items():
        print(
            f"{stage:>8} AP {values['AP']:.3f} AP50 {values['AP50']:.3f} AP75 {values['AP75']:.3f}"
        )
    for layer, values in figures["offsets"].items():
        print(
            f"{layer:>36} |offset| mean {values['mean']} p99 {values['p99']} max {values['max']} px"
        )


if __name__ == "__main__":
    main()
