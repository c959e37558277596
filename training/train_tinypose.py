"""Train the demo PP-TinyPose, 128x96, on freshly drawn figures.

    OMP_NUM_THREADS=1 python -m training.train_tinypose --minutes 20

The loss is the squared error of the heatmaps, as PaddleDetection's KeyPointMSELoss, with pixels
near a keypoint counted up to eleven times: most of a heatmap is empty, and a short training would
spend its beginning on learning that.
The run ends with its time, which is the processor's. A killed run goes on with --resume.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.tinypose import TinyPose
from postprocess.affine import affine_matrix, person_region
from postprocess.decoders import keypoints, merge_flipped, mirror_order
from surgery.measure.keypoints import TORSO, distances, pck
from surgery.scenes import EVALUATION_SEED
from surgery.scenes.pose import JOINTS

from .data import loader
from .figures import GROWTH, SIZE, STRIDE, Batches, box_of, crop, figures, in_crop, normalise
from .optimise import average, one_cycle, parameter_groups, resume, save

NEAR = 10.0  # what a keypoint's own pixel counts beside the 1 of an empty one


def loss_of(found: Tensor, wanted: Tensor) -> Tensor:
    """Weighted squared error of (N, 17, h, w) heatmaps."""
    return ((found - wanted).square() * (1 + NEAR * wanted)).mean()


def heatmaps_of(net: nn.Module, tensor: Tensor) -> NDArray[np.float32]:
    """(N, 3, H, W) -> (N, 17, H/4, W/4)."""
    found: Tensor = net(tensor.contiguous(memory_format=torch.channels_last))
    return found.contiguous().numpy()


@torch.no_grad()
def evaluate(net: nn.Module, count: int, batch: int = 32, flip: bool = False) -> dict[str, float]:
    """PCK on the first `count` held-back figures, from their true boxes, DARK decoding."""
    measured = []
    torso = [JOINTS.index(name) for name in TORSO]
    chosen = islice(figures(EVALUATION_SEED, 0), count)
    while group := list(islice(chosen, batch)):
        regions = [person_region(box_of(figure), SIZE, GROWTH) for _, _, figure in group]
        matrices = [affine_matrix(region, SIZE) for region in regions]
        crops = [crop(image, m) for (_, image, _), m in zip(group, matrices, strict=True)]
        tensor = normalise(torch.from_numpy(np.stack(crops)))
        maps = heatmaps_of(net, tensor)
        if flip:
            maps = merge_flipped(maps, heatmaps_of(net, tensor.flip(3)), mirror_order(JOINTS))
        points, _ = keypoints(maps, method="dark", backend="numpy")
        for found, (_, _, figure), matrix in zip(points * STRIDE, group, matrices, strict=True):
            assert figure.keypoints is not None
            measured.append(distances(found, in_crop(figure.keypoints, matrix), torso))
    return {name: round(value, 4) for name, value in pck(np.array(measured)).items()}


def train(args: argparse.Namespace) -> None:
    """Run the loop until the time is over."""
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    net = TinyPose().train().to(memory_format=torch.channels_last)
    mean = TinyPose().eval().to(memory_format=torch.channels_last)
    mean.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(parameter_groups(net, args.rate, lambda name: 1.0))
    first, spent = 0, 0.0
    if args.resume and args.checkpoint.exists():
        first, spent = resume(args.checkpoint, net, mean, optimizer)
    args.record.parent.mkdir(parents=True, exist_ok=True)
    args.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    begun, saved = time.process_time(), time.monotonic()
    total, counted = 0.0, 0
    batches = Batches(args.seed, args.batch)
    with args.record.open("a" if first else "w") as log:
        for done, batch in enumerate(loader(batches, range(first, args.most_steps)), first + 1):
            share = (spent + time.process_time() - begun) / (60 * args.minutes)
            for group in optimizer.param_groups:
                group["lr"] = args.rate * one_cycle(share)
            images = normalise(batch.images).contiguous(memory_format=torch.channels_last)
            loss = loss_of(net(images), batch.heatmaps)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            norm = nn.utils.clip_grad_norm_(net.parameters(), args.clip)
            if norm.isfinite():
                optimizer.step()
            average(mean, net, done, args.keep)
            total, counted = total + loss.item(), counted + 1
            elapsed = spent + time.process_time() - begun
            over = elapsed >= 60 * args.minutes
            if done % args.every == 0 or over:
                entry = {"step": done, "loss": round(total / counted, 6)}
                entry |= {"lr": float(f"{optimizer.param_groups[0]['lr']:.3g}")}
                if done % args.evaluate_every == 0 or over:
                    entry |= evaluate(mean, args.count)
                log.write(json.dumps({**entry, "cpu_s": round(elapsed)}) + "\n")
                log.flush()
                total, counted = 0.0, 0
            if time.monotonic() - saved > args.save_every or over:
                saved = time.monotonic()
                state = {"net": net.state_dict(), "mean": mean.state_dict(), "seed": args.seed}
                state |= {"optimizer": optimizer.state_dict(), "step": done, "elapsed": elapsed}
                save(args.checkpoint, state)
            if over:
                break


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20.0, help="of processor time")
    parser.add_argument("--most-steps", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=16, help="figures a step")
    parser.add_argument("--seed", type=int, default=2, help="added to TRAINING_SEED for the scenes")
    parser.add_argument("--rate", type=float, default=4e-3, help="peak of the learning rate")
    parser.add_argument("--clip", type=float, default=1.0, help="largest gradient norm")
    parser.add_argument("--keep", type=float, default=0.99, help="horizon of the running mean")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--every", type=int, default=25, help="steps a log line averages over")
    parser.add_argument("--evaluate-every", type=int, default=100, help="steps between PCKs")
    parser.add_argument("--count", type=int, default=128, help="held-back figures of such a PCK")
    parser.add_argument("--save-every", type=float, default=60.0, help="seconds")
    parser.add_argument("--record", type=Path, default=Path("training/logs/tinypose_figures.jsonl"))
    parser.add_argument(
        "--checkpoint", type=Path, default=Path("outputs/training/tinypose_figures.pt")
    )
    parser.add_argument("--resume", action="store_true")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
