"""Checkpoints: what loads, and the one line that says why something does not."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from models.checkpoints import load_into, load_state, save_half
from models.e2ec import E2EC, plugin
from models.errors import CheckpointError, ModelError

SMALL: dict[str, Any] = {
    "classes": ["a", "b", "c"],
    "points": 16,
    "channels": [4, 4, 8, 8, 12, 12],
    "head_conv": 8,
    "state_dim": 8,
    "fusion_dim": 8,
    "trans_dim": 8,
}


@pytest.fixture(scope="module")
def network() -> E2EC:
    torch.manual_seed(3)
    return plugin.build(SMALL)


def refusal(path: Path, network: E2EC | None = None) -> str:
    """The one line with which loading `path` is refused."""
    with pytest.raises(CheckpointError) as caught:
        plugin.load(network or plugin.build(SMALL), path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def assert_same(loaded: E2EC, network: E2EC) -> None:
    for key, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key


@pytest.mark.parametrize("layout", ["bare", "net", "state_dict", "parallel"])
def test_a_state_dict_loads_wrapped_or_bare(layout: str, network: E2EC, tmp_path: Path) -> None:
    state = network.state_dict()
    content: Any = {"bare": state, "parallel": {f"module.{k}": v for k, v in state.items()}}.get(
        layout, {layout: state, "epoch": 3, "optim": {"state": {0: {"step": 1}}}}
    )
    torch.save(content, tmp_path / "file.pth")
    loaded = plugin.build(SMALL)
    assert plugin.load(loaded, tmp_path / "file.pth") == []
    assert_same(loaded, network)


def test_surplus_keys_are_ignored_and_named(network: E2EC, tmp_path: Path) -> None:
    surplus = {"dla.base.fc.weight": torch.zeros(2), "dla.base.fc.bias": torch.tensor(torch.nan)}
    torch.save({**network.state_dict(), **surplus}, tmp_path / "file.pth")
    assert plugin.load(plugin.build(SMALL), tmp_path / "file.pth") == sorted(surplus)


def test_mmcvs_name_of_the_offset_convolution_is_understood(network: E2EC, tmp_path: Path) -> None:
    state = {
        key.replace("conv_offset_mask", "conv_offset"): value
        for key, value in network.state_dict().items()
    }
    torch.save({"net": state}, tmp_path / "file.pth")
    loaded = plugin.build(SMALL)
    assert plugin.load(loaded, tmp_path / "file.pth") == []
    assert_same(loaded, network)


def test_batch_norm_counters_may_be_missing(network: E2EC, tmp_path: Path) -> None:
    state = {k: v for k, v in network.state_dict().items() if "num_batches" not in k}
    torch.save(state, tmp_path / "file.pth")
    assert plugin.load(plugin.build(SMALL), tmp_path / "file.pth") == []


def test_half_precision_weights_come_back_as_float32(network: E2EC, tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    save_half(network, path, {"seed": "3"})
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"seed": "3"}
        assert {file.get_slice(key).get_dtype() for key in file.keys()} == {"F16"}  # noqa: SIM118
    loaded = plugin.build(SMALL)
    assert plugin.load(loaded, path) == []
    for key, value in network.state_dict().items():
        if value.is_floating_point():
            assert torch.equal(loaded.state_dict()[key], value.half().float()), key


def test_weights_beyond_float16_are_not_written(tmp_path: Path) -> None:
    module = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(module.weight, 1e5)
    with pytest.raises(ValueError, match=r"weight holds values that float16 cannot: 100000"):
        save_half(module, tmp_path / "half.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_truncated_file_is_refused(suffix: str, network: E2EC, tmp_path: Path) -> None:
    path = tmp_path / f"file{suffix}"
    if suffix == ".pth":
        torch.save(network.state_dict(), path)
    else:
        save_half(network, path)
    whole = path.read_bytes()
    for length in (len(whole) // 2, len(whole) - 100, 20):
        path.write_bytes(whole[:length])
        assert f"({length:,} bytes) is not a readable" in refusal(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n <!DOCTYPE html><html>sign in</html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (b"\xff\xd8\xff\xe0 a picture", "is not a readable PyTorch file"),
        (b"just text", "is not a readable PyTorch file"),
    ],
)
def test_what_is_no_checkpoint_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "file.pth"
    path.write_bytes(content)
    assert message in refusal(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refusal(tmp_path / "none.pth")
    assert "is a folder" in refusal(tmp_path)


class Hostile:
    """Unpickled without care, it writes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.target, "owned")


@pytest.mark.parametrize("plain", [True, False], ids=["pickle", "torch"])
def test_a_hostile_pickle_does_not_run(plain: bool, tmp_path: Path) -> None:
    path, target = tmp_path / "file.pth", tmp_path / "owned"
    if plain:
        path.write_bytes(pickle.dumps(Hostile(target), protocol=2))
    else:
        torch.save({"net": Hostile(target)}, path)
    assert "could run code" in refusal(path)
    assert not target.exists()


@pytest.mark.parametrize("content", [[1, 2], {"net": {}}, {"epoch": 3}, torch.zeros(2)])
def test_a_file_without_a_state_dict_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "file.pth")
    assert "holds no tensors by name" in refusal(tmp_path / "file.pth")


def test_another_class_count_is_said_in_words(network: E2EC, tmp_path: Path) -> None:
    torch.save(network.state_dict(), tmp_path / "file.pth")
    other = plugin.build({**SMALL, "classes": "sbd"})
    message = refusal(tmp_path / "file.pth", other)
    assert "was trained on 3 classes, the model is configured for 20" in message


def test_other_widths_are_named_with_both_shapes(network: E2EC, tmp_path: Path) -> None:
    torch.save(network.state_dict(), tmp_path / "file.pth")
    other = plugin.build({**SMALL, "state_dim": 6})
    message = refusal(tmp_path / "file.pth", other)
    assert "gcn.evolve_gcn.head.conv.fc.weight is (8, 10, 9), expected (6, 10, 9)" in message


def test_missing_tensors_are_named_and_nothing_is_loaded(network: E2EC, tmp_path: Path) -> None:
    state = {k: v for k, v in network.state_dict().items() if "train_decoder" not in k}
    torch.save(state, tmp_path / "file.pth")
    torch.manual_seed(4)
    target = plugin.build(SMALL)
    before = {key: value.clone() for key, value in target.state_dict().items()}
    message = refusal(tmp_path / "file.pth", target)
    assert "lacks 7 of the" in message
    assert "train_decoder.refine.trans_feature.0.weight" in message
    assert all(torch.equal(before[key], value) for key, value in target.state_dict().items())


def test_another_networks_checkpoint_is_recognised(tmp_path: Path) -> None:
    torch.save({"layer1.0.conv1.weight": torch.zeros(3)}, tmp_path / "file.pth")
    message = refusal(tmp_path / "file.pth")
    assert "belongs to another network" in message
    assert "layer1.0.conv1.weight" in message


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused(
    value: float, network: E2EC, tmp_path: Path
) -> None:
    state = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    state["dla.wh.0.weight"][0, 0, 0, 0] = value
    torch.save(state, tmp_path / "file.pth")
    assert "NaN or infinity in dla.wh.0.weight" in refusal(tmp_path / "file.pth")


def test_old_torch_files_load(tmp_path: Path) -> None:
    """Deep Snake's were written by torch 1.1, which did not zip."""
    state = {"weight": torch.ones(2, 2), "bias": torch.zeros(2)}
    path = tmp_path / "file.pth"
    torch.save({"net": state}, path, _use_new_zipfile_serialization=False)
    module = torch.nn.Linear(2, 2)
    assert load_into(module, load_state(path), path) == []
    assert torch.equal(module.weight, state["weight"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": "cocoa"}, "model.classes=cocoa is not known"),
        ({"classes": []}, "model.classes is an empty list"),
        ({"dcn": "dcnv4"}, "model.dcn=dcnv4 is not known"),
        ({"channels": [16, 32]}, "must be 6 positive widths"),
        ({"points": 8}, "model.points=8 must be at least 16"),
    ],
)
def test_a_configuration_that_cannot_be_built_is_refused(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message.replace("[", r"\[")):
        plugin.build({**SMALL, **change})


def test_mmcv_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.layers.dcn.find_mmcv_ops", lambda: None)
    with pytest.raises(ModelError, match="needs mmcv with its compiled operators"):
        plugin.build({**SMALL, "dcn": "mmcv"})
