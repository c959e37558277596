"""What `dcn.shifted` costs in ONNX Runtime against native DeformConv and a plain convolution.

    python -m benchmarks.shifted [--channels 64] [--size 128] [--radius 1 2 3] [--threads 1]

One 3x3 layer with its offset convolution; every tap reaches the whole radius, which is the most
that it can cost: spans measured on images are narrower. Fastest of some runs, the variants taking
turns, as a Markdown table on standard output.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping

import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from surgery.export.export import export_onnx
from surgery.rewrites import rewriting
from surgery.rewrites.dcn.shift.sums_node import expand
from surgery.support.versions import versions


class Layer(nn.Conv2d):
    """A DCNv2 layer as far as a rewrite looks at it; only its replacements compute."""

    deformable_groups = 1

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__(channels, outputs, 3, padding=1)
        self.conv_offset_mask = nn.Conv2d(channels, 27, 3, padding=1)

    def forward(self, input: Tensor) -> Tensor:
        raise NotImplementedError


def exported(network: nn.Module, image: Tensor, rewrite: str, radius: int) -> onnx.ModelProto:
    """The layer in a graph, replaced by ``rewrite``."""
    options = {"radius": radius, "deferred": True}
    with rewriting(network, rewrite, opset=19, options=options):
        model = export_onnx(network, (image,), input_names=["image"], output_names=["y"], opset=19)
    return expand(model)


def fastest(
    models: Mapping[str, onnx.ModelProto], image: Tensor, threads: int, runs: int
) -> dict[str, float]:
    """Milliseconds of the fastest of ``runs`` by name."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 4
    sessions = {
        name: onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        for name, model in models.items()
    }
    feeds = {"image": image.numpy()}
    best = dict.fromkeys(models, float("inf"))
    for _ in range(runs):
        for name, session in sessions.items():
            begun = time.perf_counter()
            session.run(None, feeds)
            best[name] = min(best[name], 1e3 * (time.perf_counter() - begun))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--outputs", type=int, help="default: as many as channels")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--radius", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=7)
    args = parser.parse_args()
    torch.manual_seed(0)
    outputs = args.outputs or args.channels
    image = torch.randn(1, args.channels, args.size, args.size)
    network = nn.Sequential(Layer(args.channels, outputs)).eval()
    models = {
        "plain": exported(network, image, "dcn.plain", 1),
        "native": exported(network, image, "dcn.native", 1),
        **{f"shifted, radius {r}": exported(network, image, "dcn.shifted", r) for r in args.radius},
    }
    best = fastest(models, image, args.threads, args.runs)
    print("| layer | nodes | ms | of native |\n| --- | --- | --- | --- |")
    for name, milliseconds in best.items():
        nodes = sum(node.op_type != "Constant" for node in models[name].graph.node)
        share = milliseconds / best["native"]
        print(f"| {name} | {nodes} | {milliseconds:.1f} | {share:.2f} |")
    used = versions()
    packages = ", ".join(f"{name} {used[name]}" for name in ("torch", "onnx", "onnxruntime"))
    shape = f"{args.channels}->{outputs} channels at {args.size}x{args.size}"
    print(f"\n{shape}, {args.threads} threads, {used['machine']}, {packages}.")


if __name__ == "__main__":
    main()
