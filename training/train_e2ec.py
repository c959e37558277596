"""Train the demo E2EC on freshly drawn scenes.

    OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 -m training.train_e2ec

One process a core, gradients averaged once a step: on a shared machine that loses far less time
than one process with two threads, which meet at every operator.

Losses and their weights follow E2EC (train/trainer/snake.py of zhang-tao-whu/e2ec): centre focal
loss, smooth L1 of the initial (0.1), coarse (0.1) and evolved contours, and the dynamic matching
loss for the last evolution. The offset convolutions learn at a tenth of the rate.
A killed run goes on with --resume: batches depend on the seed and the step number alone.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from models.e2ec import E2EC, STRIDE
from models.layers.sampling import clip_contours
from surgery.scenes import DOMAINS

from .data import Batch, Batches, loader, normalise
from .losses import dynamic_matching_loss, focal_loss
from .optimise import average, parameter_groups, resume, save

NETWORK: dict[str, Any] = {
    "points": 64,
    "channels": [8, 16, 24, 48, 96, 128],
    "head_conv": 48,
    "state_dim": 48,
    "fusion_dim": 96,
    "trans_dim": 48,
    "evolutions": 3,
}


def build() -> E2EC:
    """The demo network, untrained."""
    return E2EC(len(DOMAINS["shapes"].classes), **NETWORK)


def losses(net: E2EC, batch: Batch, matching: bool, evolved: int) -> dict[str, Tensor]:
    """Every loss term of a batch, unweighted; contours meet the clips that they meet at test time.

    The evolutions see `evolved` of the batch's contours, a random choice: they cost the most.
    """
    heads = net.heads(normalise(batch.images).contiguous(memory_format=torch.channels_last))
    feature = heads["feature"]
    height, width = feature.shape[-2:]
    centres, owner = batch.centres.float(), batch.owner
    init = net.initial(heads["wh"], centres, owner)
    start = clip_contours(init.detach(), height, width)
    coarse = net.coarse(net.coarse_feature(feature), centres, start, owner)
    terms = {
        "centre": focal_loss(heads["ct_hm"], batch.heatmap),
        "init": F.smooth_l1_loss(init * STRIDE, batch.contours),
        "coarse": F.smooth_l1_loss(coarse * STRIDE, batch.contours),
    }
    chosen = torch.randperm(len(owner))[:evolved]
    contours = clip_contours(coarse.detach()[chosen], height, width)
    target, keys, owner = batch.contours[chosen], batch.keys[chosen], owner[chosen]
    for index in range(net.evolutions):
        before = contours
        contours = net.evolve(index, feature, contours, owner)
        if matching and index == net.evolutions - 1:
            term = dynamic_matching_loss(before * STRIDE, contours * STRIDE, target, keys)
        else:
            term = F.smooth_l1_loss(contours * STRIDE, target)
        terms[f"evolve{index}"] = term
    return terms


def weighted(terms: dict[str, Tensor]) -> Tensor:
    """E2EC's sum: centre + 0.1 init + 0.1 coarse + mean of the evolutions."""
    evolved = [value for name, value in terms.items() if name.startswith("evolve")]
    contours = 0.1 * terms["init"] + 0.1 * terms["coarse"] + sum(evolved) / len(evolved)
    return terms["centre"] + contours


def share_gradients(net: nn.Module, world: int) -> None:
    """Average the gradients of all processes, in one message."""
    if world == 1:
        return
    gradients = [p.grad for p in net.parameters() if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= world
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def rate_factor(name: str) -> float:
    """Offset convolutions learn at a tenth of the rate."""
    return 0.1 if "conv_offset" in name else 1.0


def train(args: argparse.Namespace) -> None:
    """Run the loop; the first process writes the log and the checkpoints."""
    world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    if world > 1:
        dist.init_process_group("gloo")
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)  # the same first weights in every process
    net = build().train().to(memory_format=torch.channels_last)
    mean = build().eval().to(memory_format=torch.channels_last)
    mean.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(parameter_groups(net, args.rate, rate_factor), fused=True)
    rates = [group["lr"] for group in optimizer.param_groups]
    first, spent = 0, 0.0
    if args.resume and args.checkpoint.exists():
        first, spent = resume(args.checkpoint, net, mean, optimizer)
    schedule = torch.optim.lr_scheduler.OneCycleLR(  # of --steps, also for what is resumed
        optimizer,
        rates,
        args.steps,
        pct_start=0.1,
        cycle_momentum=False,
        final_div_factor=1e3,
        last_epoch=first - 1,
    )
    torch.manual_seed(args.seed + world * first + rank)
    args.record.parent.mkdir(parents=True, exist_ok=True)
    args.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    begun = saved = time.monotonic()
    totals: dict[str, float] = {}
    batches = Batches(args.seed, args.batch // world, net.points)
    numbers = range(first * world + rank, args.steps * world, world)
    log = args.record.open("a" if first else "w") if rank == 0 else None
    for done, batch in enumerate(loader(batches, numbers), first + 1):
        matching = done > args.matching_from * args.steps
        terms = losses(net, batch, matching, args.evolved // world)
        loss = weighted(terms)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        share_gradients(net, world)
        norm = nn.utils.clip_grad_norm_(net.parameters(), args.clip)
        if norm.isfinite():
            optimizer.step()
        schedule.step()
        if log is None:
            continue
        if done % 2 == 0:
            average(mean, net, done)
        for name, value in {**terms, "loss": loss, "norm": norm}.items():
            totals[name] = totals.get(name, 0.0) + value.item()
        elapsed = spent + time.monotonic() - begun
        if done % args.every == 0:
            count = min(args.every, done - first)
            line = {name: round(value / count, 4) for name, value in totals.items()}
            rate = float(f"{schedule.get_last_lr()[0]:.3g}")
            log.write(json.dumps({"step": done, **line, "lr": rate, "s": round(elapsed)}) + "\n")
            log.flush()
            totals = {}
        if time.monotonic() - saved > args.save_every or done == args.steps:
            saved = time.monotonic()
            state = {"net": net.state_dict(), "mean": mean.state_dict(), "network": NETWORK}
            state |= {"optimizer": optimizer.state_dict(), "seed": args.seed, "step": done}
            state |= {"steps": args.steps, "elapsed": elapsed}
            save(args.checkpoint, state)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=12, help="scenes a step, all processes")
    parser.add_argument("--seed", type=int, default=0, help="added to TRAINING_SEED for the scenes")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak of the OneCycle schedule")
    parser.add_argument("--clip", type=float, default=10.0, help="largest gradient norm")
    parser.add_argument("--matching-from", type=float, default=0.4, help="share of steps before it")
    parser.add_argument("--evolved", type=int, default=32, help="contours a step that are evolved")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--every", type=int, default=100, help="steps a log line averages over")
    parser.add_argument("--save-every", type=float, default=180.0, help="seconds")
    parser.add_argument("--record", type=Path, default=Path("training/logs/e2ec_scenes.jsonl"))
    parser.add_argument("--checkpoint", type=Path, default=Path("outputs/training/e2ec_scenes.pt"))
    parser.add_argument("--resume", action="store_true")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
