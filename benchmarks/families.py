"""Families of deformable layers, each strategy and exporter against the module itself.

    python -m benchmarks.families > docs/families.md

Exact strategies: the largest difference of ONNX Runtime's output from the untouched network's, by
the largest value, at 32 x 32 and at 48 x 64. Fits: the relative error on held-back noise that
``surgery.fit`` reports and the returned network has.
"""

from __future__ import annotations

import platform
from importlib.metadata import version

import torch
from torch import nn

from postprocess.errors import InputError
from surgery import export_onnx, fit, rewriting
from surgery.graph.run import run

from .family_networks import FAMILIES, Network

EXACT = (("dcn.native", 19), ("dcn.decomposed", 17), ("dcn.decomposed", 13))
FITTED = ("calibrated", "distilled")
STEPS = 30


def noise(*shape: int, seed: int) -> torch.Tensor:
    """Normal noise."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def exported(network: nn.Module, rewrite: str, opset: int, exporter: str) -> str:
    """Largest relative difference at two sizes, or why there is no graph."""
    try:
        with rewriting(network, rewrite, opset=opset, exporter=exporter) as (operated, ledger):
            if not any(entry.fired for entry in ledger):
                return "not found"
            made = export_onnx(
                operated,
                (noise(1, 3, 32, 32, seed=1),),
                input_names=["image"],
                output_names=["out"],
                opset=opset,
                exporter=exporter,
                dynamic={"image": {0: "batch", 2: "height", 3: "width"}},
            )
    except InputError as error:
        return str(error)[:80]
    apart = 0.0
    for shape in ((1, 3, 32, 32), (2, 3, 48, 64)):
        image = noise(*shape, seed=2)
        wanted = network(image)
        given = torch.from_numpy(run(made, {"image": image.numpy()})["out"])
        apart = max(apart, float((given - wanted).abs().max() / wanted.abs().max()))
    return f"{apart:.1e}"


def fitted(network: nn.Module, strategy: str) -> str:
    """The error of a short fit, or why there is none."""
    try:
        _, ledger = fit(
            network,
            [noise(8, 3, 32, 32, seed=number) for number in range(6)],
            strategy,
            outputs=lambda out: {"out": out},
            steps=STEPS,
            progress=False,
            workers=0,
        )
    except InputError as error:
        return str(error)[:80]
    return f"{ledger.figures[f'{strategy}.out']:.2f}"


def main() -> None:
    """Print the page."""
    names = [f"{name}, opset {opset}, {exporter}" for name, opset in EXACT for exporter in _BOTH]
    print("# Families of deformable layers\n")
    print(__doc__ and __doc__.split("\n\n", 2)[2].strip(), end="\n\n")
    print(
        f"Written by `python -m benchmarks.families`: {platform.machine()}, Python "
        f"{platform.python_version()}, torch {version('torch')}, onnx {version('onnx')}, "
        f"onnxruntime {version('onnxruntime')}; drawn weights, fits of {STEPS} steps.\n"
    )
    columns = ["family", *names, *FITTED]
    print(f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}", sep="\n")
    for family, make in FAMILIES.items():
        network = Network(make())
        row = [exported(network, n, o, e) for n, o in EXACT for e in _BOTH]
        row += [fitted(network, strategy) for strategy in FITTED]
        print(f"| {' | '.join([family, *row])} |", flush=True)


_BOTH = ("dynamo", "torchscript")

if __name__ == "__main__":
    main()
