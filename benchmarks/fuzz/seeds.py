"""Small whole files of every kind, which the mutators start from."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np

SIDE = 32  # pixels
PREPROCESS = {
    "color": "bgr",
    "scale": 1 / 255,
    "mean": [0.0, 0.0, 0.0],
    "std": [1.0, 1.0, 1.0],
    "size": [SIDE, SIDE],
    "resize": "stretch",
    "multiple": 1,
}


def picture() -> Any:
    """(32, 32, 3) uint8 noise, the same each time."""
    return np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)


def graph() -> Any:
    """An ONNX model: a picture to a heatmap and sizes, with a branch, constants and sparse ends."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weights = {
        "w": rng.normal(size=(8, 3, 3, 3)).astype(np.float32),
        "b": np.zeros(8, np.float32),
        "heat": rng.normal(size=(2, 8, 1, 1)).astype(np.float32),
        "size": rng.normal(size=(2, 8, 1, 1)).astype(np.float32),
    }
    shape = helper.make_node(
        "Constant", [], ["k"], value=numpy_helper.from_array(np.array([1.0], np.float32), "k")
    )
    branch = helper.make_graph(
        [helper.make_node("Identity", ["mid"], ["inner"])],
        "inner",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)],
    )
    yes = numpy_helper.from_array(np.array(True), "yes")
    nodes = [
        shape,
        helper.make_node("Constant", [], ["yes"], value=yes),
        helper.make_node("Conv", ["image", "w", "b"], ["conv"], pads=[1, 1, 1, 1], strides=[4, 4]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("Mul", ["relu", "k"], ["mid"]),
        helper.make_node("If", ["yes"], ["chosen"], then_branch=branch, else_branch=branch),
        helper.make_node("Conv", ["chosen", "heat"], ["hm"], name="heat"),
        helper.make_node("Conv", ["mid", "size"], ["wh"], name="size"),
    ]
    made = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2, SIDE // 4, SIDE // 4])
            for name in ("hm", "wh")
        ],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opsets = [helper.make_opsetid("", 18)]
    model = helper.make_model(made, opset_imports=opsets, ir_version=9)
    model.metadata_props.add(key="names", value="{0: 'person'}")
    onnx.checker.check_model(model)
    return model


def onnx_files(folder: Path) -> None:
    """``whole.onnx``, and ``parts.onnx`` with its weights in ``parts.data``."""
    import onnx

    onnx.save(graph(), folder / "whole.onnx")
    onnx.save(
        graph(),
        folder / "parts.onnx",
        save_as_external_data=True,
        location="parts.data",
        size_threshold=0,
    )


def state() -> dict[str, Any]:
    """A state dict of a few kinds of tensors."""
    import torch

    torch.manual_seed(0)
    return {
        "module.conv.weight": torch.randn(4, 3, 3, 3),
        "module.conv.bias": torch.randn(4).half(),
        "module.bn.num_batches_tracked": torch.tensor(7),
    }


def checkpoint(folder: Path) -> None:
    """``net.pth``, a zip archive as torch writes it."""
    import torch

    torch.save({"net": state(), "epoch": 3, "optim": {"lr": 0.1}}, folder / "net.pth")


def legacy(folder: Path) -> None:
    """``net.pth`` as torch before 1.6 wrote it: pickles one behind the other."""
    import torch

    torch.save({"net": state()}, folder / "net.pth", _use_new_zipfile_serialization=False)


def paddle(folder: Path) -> None:
    """``net.pdparams`` of protocols 2 and 4."""
    arrays = {name.removeprefix("module."): t.numpy() for name, t in state().items()}
    arrays["StructuredToParameterName@@"] = {"conv.weight": "conv2d_0.w_0"}
    for protocol in (2, 4):
        (folder / f"net{protocol}.pdparams").write_bytes(pickle.dumps(arrays, protocol))


def safetensors(folder: Path) -> None:
    """``net.safetensors``."""
    from safetensors.torch import save_file

    save_file(state(), folder / "net.safetensors", metadata={"source": "fuzz"})


def ncnn(folder: Path) -> None:
    """``net.param`` and ``net.bin``: two convolutions and a BatchNorm."""
    (folder / "net.param").write_text(
        "7767517\n5 5\nInput in 0 1 image\n"
        "Convolution conv 1 1 image a 0=4 1=3 3=2 4=1 5=1 6=108\n"
        "BatchNorm bn 1 1 a b 0=4 1=0.00001\n"
        "ConvolutionDepthWise dw 1 1 b c 0=4 1=3 11=3 3=1 13=1 5=1 6=36 7=4\n"
        "ReLU relu 1 1 c d 0=0.0\n"
    )
    rng = np.random.default_rng(0)
    counts = (108, 4, 4, 4, 4, 4, 36, 4)
    parts = [rng.normal(size=count).astype("<f4").tobytes() for count in counts]
    parts[0], parts[6] = bytes(4) + parts[0], bytes(4) + parts[6]
    (folder / "net.bin").write_bytes(b"".join(parts))


def bundle(folder: Path) -> None:
    """A bundle whose decoder is ctdet."""
    (folder / "bundle").mkdir()
    data = graph().SerializeToString()
    (folder / "bundle" / "backbone.onnx").write_bytes(data)
    port = {"dtype": "float32", "shape": [1, 2, SIDE // 4, SIDE // 4]}
    image = {"name": "image", "dtype": "float32", "shape": [1, 3, SIDE, SIDE]}
    document = {
        "schema": 1,
        "model": {"name": "tiny", "variant": None, "weights": {"source": "fuzz", "sha256": None}},
        "preprocess": PREPROCESS,
        "graphs": {
            "backbone": {
                "file": "backbone.onnx",
                "inputs": [image],
                "outputs": [{"name": "hm", **port}, {"name": "wh", **port}],
            }
        },
        "decoder": {
            "name": "ctdet",
            "heatmap": "hm",
            "size": "wh",
            "offset": None,
            "box": "wh",
            "activation": "sigmoid",
            "stride": 4,
            "k": 20,
            "threshold": 0.3,
        },
        "classes": ["person", "dog"],
        "keypoints": [],
        "skeleton": [],
        "ledger": [],
        "parity": {},
        "versions": {},
        "files": {"backbone.onnx": hashlib.sha256(data).hexdigest()},
    }
    (folder / "bundle" / "bundle.json").write_text(json.dumps(document))


def golden(folder: Path) -> None:
    """``golden.npz``."""
    rng = np.random.default_rng(0)
    arrays = {"image": picture(), "input": rng.normal(size=(1, 3, 8, 8)), "transform": np.ones(4)}
    np.savez_compressed(folder / "golden.npz", **arrays)


def saved_fit(folder: Path) -> None:
    """A saved fit under the name that :func:`surgery.fitting.saved.find` looks for."""
    import torch

    from surgery.fitting.fitted import Fitted
    from surgery.fitting.saved import Key, save
    from surgery.rewrites.fitted import FittedConvolution, Window

    window = Window((3, 3), (1, 1), (1, 1), (1, 1), 1)
    module = FittedConvolution(
        torch.randn(4, 3, 3, 3), torch.zeros(4), window, {"error": 0.1}, None
    )
    fitted = Fitted("calibrated", {"conv": module}, {"steps": 1}, ("a note",))
    settings = {"strategy": "calibrated", "steps": 1, "minutes": 1.0}
    save(fitted, Key("0" * 64, settings, "scenes:1:2"), folder)


def pictures(folder: Path) -> None:
    """The same picture as PNG, JPEG and WebP, the JPEG with an EXIF entry that turns it."""
    import cv2

    for suffix in (".png", ".jpg", ".webp"):
        data = cv2.imencode(suffix, picture())[1].tobytes()
        if suffix == ".jpg":
            exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
            data = data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]
        (folder / f"picture{suffix}").write_bytes(data)


def video(folder: Path) -> None:
    """``video.mp4`` of four frames."""
    from postprocess.videofile import VideoFile

    with VideoFile(folder / "video.mp4", 25.0) as file:
        for _ in range(4):
            file.write(picture())


def coco() -> dict[str, Any]:
    """Annotations in every form that COCO has."""
    from pycocotools import mask

    runs = {"size": [SIDE, SIDE], "counts": [100, 24, 900]}
    packed = mask.frPyObjects(runs, SIDE, SIDE)["counts"].decode()
    square = [4.0, 4.0, 20.0, 4.0, 20.0, 20.0, 4.0, 20.0]
    size = [SIDE, SIDE]
    one = {"image_id": 1, "category_id": 1, "iscrowd": 0, "area": 256.0, "bbox": [4, 4, 16, 16]}
    return {
        "images": [{"id": 1, "file_name": "a.png", "height": SIDE, "width": SIDE}],
        "categories": [{"id": 1, "name": "person", "keypoints": ["nose"], "skeleton": [[1, 1]]}],
        "annotations": [
            {"id": 1, **one, "segmentation": [square]},
            {
                **one,
                "id": 2,
                "iscrowd": 1,
                "segmentation": {"size": size, "counts": [100, 24, 900]},
            },
            {**one, "id": 3, "segmentation": {"size": size, "counts": packed}},
            {"id": 4, **one, "segmentation": [square], "keypoints": [5, 5, 2], "num_keypoints": 1},
        ],
    }


def boxes(folder: Path) -> None:
    """``boxes.json``, COCO results."""
    entry = {"image_id": 1, "category_id": 1, "bbox": [4, 4, 16, 16], "score": 0.9}
    (folder / "boxes.json").write_text(json.dumps([entry, {**entry, "file_name": "a.png"}]))
