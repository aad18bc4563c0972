"""The ViT of three position encodings: exact equalities, public checkpoints, and the equations by value."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from models import create_model, record
from models.nets.vit_kprpe import BASE, POSITIONS, SMALL, ViT, VitConfig, VitKprpe, from_cvlface

NAMES = json.loads((Path(__file__).parents[2] / "golden" / "cvlface_vit_names.json").read_text())
TINY = {"dim": 24, "depth": 4, "heads": 3, "embed_dim": 16}


def build(position: str, **values: object) -> VitKprpe:
    torch.manual_seed(0)
    return VitKprpe(VitConfig(position, **{**TINY, **values})).eval()  # type: ignore[arg-type]


def moved(position: str) -> VitKprpe:
    """With position weights that are not zero."""
    model = build(position)
    with torch.no_grad():
        for name, parameter in model.net.named_parameters():
            if "rpe" in name:
                parameter.normal_(std=5, generator=torch.Generator().manual_seed(1))
    return model


def batch(n: int = 2, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, 3, 112, 112, generator=generator), torch.rand(n, 5, 2, generator=generator)


@pytest.mark.parametrize("position", ["irpe", "kprpe"])
def test_untrained_offsets_equal_the_plain_vit_bit_for_bit(position: str) -> None:
    torch.manual_seed(0)
    plain = create_model("vit_abs").eval()
    torch.manual_seed(0)
    other = create_model(f"vit_{position}").eval()
    with torch.no_grad(), record() as evidence:
        expected = plain.encode(*batch())
    with torch.no_grad(), record() as offset_evidence:
        found = other.encode(*batch())
    assert torch.equal(found, expected)
    assert torch.equal(offset_evidence["block7.attn"], evidence["block7.attn"])
    assert not offset_evidence["block7.rpe_bias"].any()
    assert "block7.rpe_bias" not in evidence


@pytest.mark.parametrize("position", ["irpe", "kprpe"])
def test_offsets_that_are_not_zero_change_the_answer(position: str) -> None:
    with torch.no_grad():
        assert not torch.allclose(moved(position).encode(*batch()), build("abs").encode(*batch()), atol=1e-5)


def test_kprpe_follows_the_keypoints_and_irpe_the_image() -> None:
    image, keypoints = batch(1)
    other_image, other_keypoints = batch(1, seed=5)

    def offsets(model: VitKprpe, *inputs: Tensor) -> Tensor:
        with torch.no_grad(), record() as evidence:
            model.encode(*inputs)
        return evidence["block1.rpe_bias"]

    kprpe, irpe = moved("kprpe"), moved("irpe")
    assert torch.equal(offsets(kprpe, image, keypoints), offsets(kprpe, other_image, keypoints))
    assert not torch.equal(offsets(kprpe, image, keypoints), offsets(kprpe, image, other_keypoints))
    assert torch.equal(offsets(irpe, image, keypoints), offsets(irpe, image, other_keypoints))
    assert not torch.equal(offsets(irpe, image, keypoints), offsets(irpe, other_image, keypoints))


@pytest.mark.parametrize("position", POSITIONS)
def test_without_offsets(position: str) -> None:
    """The switch in the app: exactly the plain ViT on the same weights, and the model itself is left as it was."""
    model = moved(position)
    with torch.no_grad():
        before, off = model.encode(*batch()), model.without_offsets()
        assert torch.equal(off.encode(*batch()), build("abs").encode(*batch()))
        assert torch.equal(model.encode(*batch()), before)
    assert off.net.pos_embed.data_ptr() == model.net.pos_embed.data_ptr()
    assert all(p.requires_grad for p in model.parameters()) and not off.training


def test_taps_of_every_block() -> None:
    model = moved("kprpe")
    with record() as evidence:
        model.encode(*batch())
    assert evidence["block3.attn"].shape == evidence["block3.rpe_bias"].shape == (2, 3, 196, 196)
    assert [k for k in evidence if k.endswith("features")] == [f"block{i}.features" for i in range(4)]
    assert evidence["block3.features"].shape == (2, 24, 14, 14)
    tokens = evidence["block3.features"].flatten(2).transpose(1, 2)  # tokens in rows: y, then x
    with torch.no_grad():
        torch.testing.assert_close(model.net.feature(model.net.norm(tokens).flatten(1)), model.encode(*batch()))


def test_tokens_may_be_reduced_before_they_are_laid_in_a_row() -> None:
    wide, narrow = build("abs").net, build("abs", token_dim=5).net
    assert (wide.feature[0].in_features, narrow.feature[0].in_features) == (196 * 24, 196 * 5)
    with torch.no_grad():
        rows = narrow.tokens(*batch()) @ narrow.narrow.weight.T
        torch.testing.assert_close(narrow.feature(rows.flatten(1)), narrow(*batch()))


@pytest.mark.parametrize("values", [{"position": "sine"}, {"input_size": 100}, {"heads": 5}, {"feature_taps": 3}])
def test_impossible_shapes_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        VitConfig(**values)  # type: ignore[arg-type]


def test_another_input_size_is_refused() -> None:
    with pytest.raises(AssertionError, match="112"):
        build("kprpe").encode(torch.rand(1, 3, 120, 120), torch.rand(1, 5, 2))


# public checkpoints


def checkpoint(size: str, device: str = "meta") -> dict[str, Tensor]:
    """A synthetic checkpoint with the published names and shapes; values of a plausible size."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, shape in NAMES[size].items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.zeros(shape, dtype=torch.int64, device=device)
        elif device == "meta":
            state[name] = torch.empty(shape, device=device)
        elif len(shape) > 1:
            fan_in = 1 if name == "net.pos_embed" else int(np.prod(shape[1:]))
            state[name] = torch.randn(shape, generator=generator) * fan_in**-0.5
        else:
            state[name] = torch.rand(shape, generator=generator) + (0.5 if "bias" not in name else -0.5)
    return state


@pytest.mark.parametrize(("size", "shape"), [("small", SMALL), ("base", BASE)])
def test_published_names_and_shapes_fit(size: str, shape: dict[str, float]) -> None:
    config, state = from_cvlface(checkpoint(size))
    assert config == VitConfig("kprpe", keypoint_shift=0.5, **shape)  # type: ignore[arg-type]
    with torch.device("meta"):
        net = ViT(config)
    net.load_state_dict(state, strict=True, assign=True)


def test_published_plain_vit_fits() -> None:
    config, state = from_cvlface({k: v for k, v in checkpoint("base").items() if "keypoint" not in k})
    assert (config.position, config.keypoint_shift) == ("abs", 0)
    with torch.device("meta"):
        net = ViT(config)
    net.load_state_dict(state, strict=True, assign=True)


@pytest.mark.parametrize("position", ["abs", "kprpe"])
def test_the_mask_token_of_training_is_left_out(position: str) -> None:
    state = {k: v for k, v in checkpoint("small").items() if position == "kprpe" or "keypoint" not in k}
    config, own = from_cvlface({**state, "net.mask_token": torch.zeros(1, 1, 512)})
    assert config.position == position
    with torch.device("meta"):
        ViT(config).load_state_dict(own, strict=True, assign=True)


def test_an_irpe_checkpoint_is_not_taken_for_absolute_positions() -> None:
    state = {k: v for k, v in checkpoint("small").items() if "keypoint" not in k}
    state["net.blocks.0.attn.rpe_k.lookup_table_weight"] = torch.zeros(1, 64, 49)
    with pytest.raises(ValueError, match=r"iRPE.*rpe_k"):
        from_cvlface(state)


def test_adopted_kprpe_sees_keypoints_half_a_pixel_up_and_left() -> None:
    """The pixel p of a crop is (p + .5) / size here and p / size in the public code: the offsets must be those of p."""
    pixels = torch.tensor([[[38.0, 51.0], [73.0, 51.0], [56.0, 71.0], [41.0, 92.0], [70.0, 92.0]]])
    nets = []
    for shift in (0.0, 0.5):
        torch.manual_seed(0)
        nets.append(ViT(VitConfig(depth=4, dim=12, heads=3, keypoint_shift=shift)).eval())
        assert nets[-1].rpe is not None
        torch.nn.init.normal_(nets[-1].rpe.linear.weight)
    image = torch.rand(1, 3, 112, 112)
    with torch.no_grad():
        with record() as ours:
            nets[1](image, (pixels + 0.5) / 112)
        with record() as theirs:
            nets[0](image, pixels / 112)
        with record() as unshifted:
            nets[0](image, (pixels + 0.5) / 112)
    tap = "block0.rpe_bias"
    torch.testing.assert_close(ours[tap], theirs[tap], atol=1e-5, rtol=0)
    assert (unshifted[tap] - theirs[tap]).abs().max() > 1e-3


def test_a_longer_prefix_is_understood() -> None:
    plain, nested = checkpoint("small"), {f"model.{k}": v for k, v in checkpoint("small").items()}
    assert set(from_cvlface(nested)[1]) == set(from_cvlface(plain)[1])


def test_other_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="pos_embed"):
        from_cvlface({"conv1.weight": torch.zeros(1)})
    with pytest.raises(ValueError, match="11"):
        from_cvlface({k: v for k, v in checkpoint("small").items() if "blocks.11." not in k})
    state = checkpoint("small")
    state["net.keypoint_linear.bias"] = torch.zeros(49)
    with pytest.raises(ValueError, match="4704"):
        from_cvlface(state)


def layer_norm(x: np.ndarray, p: dict[str, np.ndarray], name: str) -> np.ndarray:
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(var + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]


def batch_norm(x: np.ndarray, p: dict[str, np.ndarray], name: str) -> np.ndarray:
    unit = (x - p[f"{name}.running_mean"]) / np.sqrt(p[f"{name}.running_var"] + 2e-5)
    return unit * p[f"{name}.weight"] + p[f"{name}.bias"]


@cache
def published_buckets() -> np.ndarray:
    """(196, 196), spelled out pair by pair from the row 0, 1, 2, 2, 3, 3..."""
    step = {d: int(np.sign(d)) * (0, 1, 2, 2, *[3] * 10)[abs(d)] for d in range(-13, 14)}
    cells = [(i, j) for i in range(14) for j in range(14)]
    return np.array([[(step[a - c] + 3) * 7 + step[b - d] + 3 for c, d in cells] for a, b in cells])


def published_offsets(p: dict[str, np.ndarray], keypoints: np.ndarray, block: int, heads: int) -> np.ndarray:
    """(heads, 196, 196): f(D)[i, bucket(i, j)] of one block, for one face."""
    cells = np.array([((j + 0.5) / 14, (i + 0.5) / 14) for i in range(14) for j in range(14)])
    distance = (cells[:, None] - keypoints[None]).reshape(196, 10)
    table = distance @ p["net.keypoint_linear.weight"].T + p["net.keypoint_linear.bias"]
    table = table.reshape(196, -1, heads, 49)[:, block]  # (196, heads, 49)
    return np.stack([np.take_along_axis(table[:, h], published_buckets(), 1) for h in range(heads)])


def published_forward(p: dict[str, np.ndarray], image: np.ndarray, keypoints: np.ndarray, heads: int) -> np.ndarray:
    """One face, (112, 112, 3) uint8 and (5, 2) in [0, 1] -> embedding, in numpy, from the published names."""
    pixels = image / 127.5 - 1
    patches = pixels.reshape(14, 8, 14, 8, 3).transpose(0, 2, 4, 1, 3).reshape(196, -1)  # channel, row, column
    kernel = p["net.patch_embed.proj.weight"]
    x = patches @ kernel.reshape(len(kernel), -1).T + p["net.patch_embed.proj.bias"] + p["net.pos_embed"][0]
    for i in range(sum(k.endswith("norm1.weight") for k in p)):
        at = f"net.blocks.{i}"
        y = layer_norm(x, p, f"{at}.norm1")
        offsets, mixed = published_offsets(p, keypoints, i, heads), []
        for h in range(heads):
            width = x.shape[1] // heads
            q, k, v = (y @ w[h * width : (h + 1) * width].T for w in np.split(p[f"{at}.attn.qkv.weight"], 3))
            logits = (q * width**-0.5) @ k.T + offsets[h]
            weights = np.exp(logits - logits.max(1, keepdims=True))
            mixed.append(weights / weights.sum(1, keepdims=True) @ v)
        x = x + np.concatenate(mixed, 1) @ p[f"{at}.attn.proj.weight"].T + p[f"{at}.attn.proj.bias"]
        y = layer_norm(x, p, f"{at}.norm2") @ p[f"{at}.mlp.fc1.weight"].T + p[f"{at}.mlp.fc1.bias"]
        x = x + np.clip(y, 0, 6) @ p[f"{at}.mlp.fc2.weight"].T + p[f"{at}.mlp.fc2.bias"]
    flat = layer_norm(x, p, "net.norm").ravel()
    y = batch_norm(p["net.feature.0.weight"] @ flat.astype(np.float32), p, "net.feature.1")
    return batch_norm(p["net.feature.2.weight"] @ y, p, "net.feature.3")


def test_a_public_checkpoint_gives_the_published_values() -> None:
    """ViT-S KP-RPE from a synthetic checkpoint, embedding by embedding against the equations in numpy."""
    state = checkpoint("small", "cpu")
    config, own = from_cvlface(state)
    with torch.device("meta"):
        net = ViT(config)
    net.load_state_dict(own, strict=True, assign=True)
    # buffers that a checkpoint does not hold have no values on meta
    net.buckets = torch.from_numpy(published_buckets())
    rng = np.random.default_rng(0)
    pixels, keypoints = rng.integers(0, 256, (2, 112, 112, 3), np.uint8), rng.random((2, 5, 2))
    with torch.no_grad(), record() as evidence:
        image = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        here = torch.from_numpy(keypoints).float() + 0.5 / 112  # p / size -> (p + .5) / size
        found = net.eval()(image, here).numpy()
    p = {k: v.numpy() if k == "net.feature.0.weight" else v.double().numpy() for k, v in state.items()}
    for b in range(2):
        offsets = published_offsets(p, keypoints[b], 11, 8)
        np.testing.assert_allclose(evidence["block11.rpe_bias"][b].numpy(), offsets, atol=1e-4)
        expected = published_forward(p, pixels[b], keypoints[b], 8)
        np.testing.assert_allclose(found[b], expected, atol=2e-3, rtol=1e-3)
    assert np.abs(found[0] - found[1]).max() > 0.1
