"""Train the demo Deep Snake on freshly drawn scenes, from the demo E2EC's weights.

    OMP_NUM_THREADS=1 python -m training.train_snake --minutes 14

The two networks share the DLA, the centre head and the evolutions by name and shape, so these start
from what E2EC has learnt; box sizes and extreme points are learnt anew.  For the first `--frozen`
of the time the DLA stands still, then it follows at a tenth of the rate; its BatchNorms keep their
statistics throughout.

Losses and their weights follow Deep Snake (lib/train/trainers/snake.py of zju3dv/snake): centre
focal loss, smooth L1 of box sizes (0.1), of extreme points and of the contours.  Two things differ:
every evolution is held to the target, not the last one alone, and after `--truth` of the time the
boxes and octagons are those that the network itself gives (its options train_pred_box and
train_pred_ex, with train_nearest_gt).
The run ends with its time, which is the processor's: on a shared machine the clock on the wall says
little about the steps to come.  A killed run goes on with --resume.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from models.e2ec import STRIDE
from models.layers.boxes import boxes_around
from models.layers.sampling import clip_contours
from models.snake import DeepSnake
from surgery.scenes import DOMAINS

from .data import Batch, Batches, loader, normalise
from .losses import focal_loss
from .optimise import average, one_cycle, parameter_groups, resume, save
from .snake_targets import DENSITY, extreme_points, from_nearest
from .targets import even_contour

NETWORK: dict[str, Any] = {
    "init_points": 40,
    "points": 64,
    "channels": [8, 16, 24, 48, 96, 128],
    "head_conv": 48,
    "state_dim": 48,
    "fusion_dim": 96,
    "evolutions": 3,
}
FIRST_WEIGHTS = Path("models/weights/e2ec_scenes.safetensors")


def build() -> DeepSnake:
    """The demo network, untrained."""
    return DeepSnake(len(DOMAINS["shapes"].classes), **NETWORK)


def start_from(net: nn.Module, path: Path) -> None:
    """Load what has this network's name and shape from another network's weights."""
    own = net.state_dict()
    given = load_file(path)
    net.load_state_dict(
        {k: v.to(own[k].dtype) for k, v in given.items() if k in own and v.shape == own[k].shape},
        strict=False,
    )


def losses(net: DeepSnake, batch: Batch, contours: int, truth: bool) -> dict[str, Tensor]:
    """Every loss term of a batch, unweighted.

    `contours` of the batch's instances, a random choice, are deformed: they cost the most.
    truth: from their true boxes and extreme points, else from those that the network gives.
    """
    heads = net.heads(normalise(batch.images).contiguous(memory_format=torch.channels_last))
    feature = heads["feature"]
    height, width = feature.shape[-2:]
    dense = batch.contours / STRIDE
    sizes = dense.amax(dim=1) - dense.amin(dim=1)
    x, y = batch.centres.unbind(dim=1)
    found = heads["wh"][batch.owner, :, y, x]
    terms = {
        "centre": focal_loss(heads["ct_hm"], batch.heatmap),
        "size": F.smooth_l1_loss(found, sizes),
    }
    chosen = torch.randperm(len(batch.owner))[:contours]
    dense, owner = dense[chosen], batch.owner[chosen]
    taken = (sizes if truth else found.detach())[chosen]
    boxes = boxes_around(batch.centres[chosen].float(), taken, height, width)
    goal = extreme_points(dense)
    extreme = net.gcn.extreme_points(feature, net.gcn.diamond(boxes), owner)
    terms["extreme"] = F.smooth_l1_loss(extreme, goal)
    start = clip_contours(goal if truth else extreme.detach(), height, width)
    current = net.gcn.octagon(start)
    target = from_nearest(dense, current[:, 0]) * STRIDE
    for index in range(net.gcn.evolutions):
        current = net.gcn.evolve(index, feature, current, owner)
        terms[f"evolve{index}"] = F.smooth_l1_loss(current * STRIDE, target)
    return terms


def weighted(terms: dict[str, Tensor]) -> Tensor:
    """Deep Snake's sum: centre + 0.1 size + extreme + mean of the evolutions."""
    evolved = [value for name, value in terms.items() if name.startswith("evolve")]
    return terms["centre"] + 0.1 * terms["size"] + terms["extreme"] + sum(evolved) / len(evolved)


def from_e2ec(name: str) -> bool:
    """Whether a parameter belongs to the trained DLA or its centre head."""
    return name.startswith("dla.") and not name.startswith("dla.wh.")


def rate_factor(name: str) -> float:
    """What E2EC has trained learns at a tenth of the rate, its offsets at a hundredth."""
    if not from_e2ec(name):
        return 1.0
    return 0.01 if "conv_offset" in name else 0.1


def training_mode(net: DeepSnake, frozen: bool) -> None:
    """Train the network but for the BatchNorms of the DLA, and the DLA's weights where frozen."""
    net.train()
    net.dla.eval()
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(not (frozen and from_e2ec(name)))


def train(args: argparse.Namespace) -> None:
    """Run the loop until the time is over."""
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    net = build().to(memory_format=torch.channels_last)
    start_from(net, args.start)
    mean = build().eval().to(memory_format=torch.channels_last)
    mean.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(parameter_groups(net, args.rate, rate_factor))
    rates = [group["lr"] for group in optimizer.param_groups]
    first, spent = 0, 0.0
    if args.resume and args.checkpoint.exists():
        first, spent = resume(args.checkpoint, net, mean, optimizer)
    torch.manual_seed(args.seed + first)
    args.record.parent.mkdir(parents=True, exist_ok=True)
    args.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    begun, saved = time.process_time(), time.monotonic()
    totals: dict[str, float] = {}
    counted = 0
    batches = Batches(args.seed, args.batch, DENSITY * net.gcn.points, contour_of=even_contour)
    with args.record.open("a" if first else "w") as log:
        for done, batch in enumerate(loader(batches, range(first, args.most_steps)), first + 1):
            share = (spent + time.process_time() - begun) / (60 * args.minutes)
            training_mode(net, frozen=share < args.frozen)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * one_cycle(share)
            terms = losses(net, batch, args.contours, truth=share < args.truth)
            loss = weighted(terms)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            norm = nn.utils.clip_grad_norm_(net.parameters(), args.clip)
            if norm.isfinite():
                optimizer.step()
            average(mean, net, done, args.keep)
            counted += 1
            for name, value in {**terms, "loss": loss, "norm": norm}.items():
                totals[name] = totals.get(name, 0.0) + value.item()
            elapsed = spent + time.process_time() - begun
            over = elapsed >= 60 * args.minutes
            if done % args.every == 0 or over:
                line = {name: round(value / counted, 4) for name, value in totals.items()}
                rate = float(f"{optimizer.param_groups[-1]['lr']:.3g}")
                entry = {"step": done, **line, "lr": rate, "cpu_s": round(elapsed)}
                log.write(json.dumps(entry) + "\n")
                log.flush()
                totals, counted = {}, 0
            if time.monotonic() - saved > args.save_every or over:
                saved = time.monotonic()
                state = {"net": net.state_dict(), "mean": mean.state_dict(), "network": NETWORK}
                state |= {"optimizer": optimizer.state_dict(), "seed": args.seed, "step": done}
                save(args.checkpoint, {**state, "elapsed": elapsed})
            if over:
                break


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=14.0, help="of processor time")
    parser.add_argument("--most-steps", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=8, help="scenes a step")
    parser.add_argument("--contours", type=int, default=24, help="contours a step")
    parser.add_argument("--seed", type=int, default=1, help="added to TRAINING_SEED for the scenes")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak of the learning rate")
    parser.add_argument("--clip", type=float, default=10.0, help="largest gradient norm")
    parser.add_argument("--frozen", type=float, default=0.5, help="share of time, DLA as it is")
    parser.add_argument("--truth", type=float, default=0.05, help="share of time, true boxes")
    parser.add_argument("--keep", type=float, default=0.995, help="horizon of the running mean")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--every", type=int, default=50, help="steps a log line averages over")
    parser.add_argument("--save-every", type=float, default=120.0, help="seconds")
    parser.add_argument("--start", type=Path, default=FIRST_WEIGHTS)
    parser.add_argument("--record", type=Path, default=Path("training/logs/snake_scenes.jsonl"))
    parser.add_argument("--checkpoint", type=Path, default=Path("outputs/training/snake_scenes.pt"))
    parser.add_argument("--resume", action="store_true")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
