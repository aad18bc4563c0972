"""S-ViT: equal to timm's Twins-PCPVT, evidence is what was used, fusions, sizes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from timm.models import twins_pcpvt_small
from torch import Tensor, nn

from models.faces.face import FaceBatch
from models.layers.sr_attention import SRAttention, to_map, to_tokens
from models.nets.svit import FUSIONS, PCPVT, Svit, SvitConfig, from_timm, fuse, pooled
from models.registry import create_model
from models.taps import record, tap_names

TINY = SvitConfig(input_size=64, depths=(1, 2, 1, 1), dims=(8, 16, 20, 32), heads=(1, 2, 5, 4), embed_dim=12)


def faces(n: int, size: int = 64, seed: int = 0) -> FaceBatch:
    g = torch.Generator().manual_seed(seed)
    return FaceBatch(torch.rand(n, 3, size, size, generator=g), torch.rand(n, 5, 2, generator=g))


@pytest.fixture
def tiny() -> Svit:
    torch.manual_seed(0)
    return Svit(TINY).eval()


@pytest.mark.parametrize("size", [64, 96])
def test_timm_weights_give_timm_features(size: int) -> None:
    torch.manual_seed(1)
    theirs = twins_pcpvt_small(pretrained=False, img_size=size).eval()
    for p in theirs.parameters():  # biases and norms too: their initial zeros and ones would hide a swap
        nn.init.normal_(p, std=0.05)
    ours = PCPVT(SvitConfig(input_size=size, depths=(3, 4, 6, 3))).eval()
    ours.load_state_dict(from_timm(theirs.state_dict()), strict=True)
    image = torch.rand(2, 3, size, size)
    with torch.no_grad():
        want = theirs.forward_features((image - ours.mean) / ours.std)
        got = to_tokens(ours(image))
    assert want.std() > 1e-3
    torch.testing.assert_close(got, want, rtol=0, atol=1e-5)


def test_timm_weights_do_not_fit_the_papers_depths() -> None:
    state = from_timm(twins_pcpvt_small(pretrained=False, img_size=64).state_dict())
    with pytest.raises(RuntimeError, match=r"stages\.1\.blocks\.3"):
        PCPVT(SvitConfig(depths=(3, 3, 6, 3))).load_state_dict(state, strict=True)


def test_published_configuration() -> None:
    config = create_model("svit.paper").config
    assert (config.input_size, config.depths, config.dims) == (224, (3, 3, 6, 3), (64, 128, 320, 512))
    assert (config.heads, config.sr_ratios, config.mlp_ratios) == ((1, 2, 5, 8), (8, 4, 2, 1), (8, 8, 4, 4))


def test_demo_file_stays_below_50_megabytes() -> None:
    assert 2 * sum(v.numel() for v in create_model("svit").state_dict().values()) < 50e6


@pytest.mark.parametrize("size", [112, 63, 33])
def test_sizes_that_would_lose_a_row_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="divisible by 32"):
        SvitConfig(input_size=size)
    with pytest.raises(ValueError, match="divisible by 32"):
        PCPVT(TINY)(torch.rand(1, 3, 64, size))


def test_unknown_fusion_is_refused() -> None:
    with pytest.raises(ValueError, match="no fusion 'plus'"):
        SvitConfig(fusion="plus")


def test_a_config_from_json_lists_builds_the_same_network(tiny: Svit) -> None:
    other = Svit(SvitConfig(64, [1, 2, 1, 1], [8, 16, 20, 32], [1, 2, 5, 4], embed_dim=12))  # type: ignore[arg-type]
    other.load_state_dict(tiny.state_dict(), strict=True)
    batch = faces(1)
    torch.testing.assert_close(other.eval()(batch, batch).logit, tiny(batch, batch).logit)


def test_every_stage_and_block_gives_evidence(tiny: Svit) -> None:
    with record() as evidence, torch.no_grad():
        tiny(faces(1), faces(1, seed=1))
    attn = [f"stage{s}.block{b}.attn" for s, depth in enumerate(TINY.depths, 1) for b in range(depth)]
    assert tap_names(tiny, "attn") == attn
    assert set(evidence) == {*attn, *(f"stage{s}.features" for s in range(1, 5))}
    for s, (side, heads) in enumerate(zip((16, 8, 4, 2), TINY.heads, strict=True), 1):
        assert evidence[f"stage{s}.block0.attn"].shape == (2, heads, side**2, 4)  # one 2x2 key grid for all stages
        assert evidence[f"stage{s}.features"].shape == (2, TINY.dims[s - 1], side, side)
    for name in attn:
        torch.testing.assert_close(evidence[name].sum(3), torch.ones(evidence[name].shape[:3]))


def test_all_stages_share_one_key_grid_at_128_px() -> None:
    model = Svit(replace(TINY, input_size=128)).eval()
    with record() as evidence, torch.no_grad():
        model.encode(*vars(faces(1, 128)).values())
    assert {evidence[n].shape[3] for n in tap_names(model, "attn")} == {16}


class Replaced(nn.Module):
    """Stands where a tap stood and hands on something else."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        return self.value.to(x)


@pytest.mark.parametrize("stage", range(4))
def test_the_recorded_attention_is_the_one_the_score_used(tiny: Svit, stage: int) -> None:
    a, b = faces(1), faces(1, seed=1)
    with record() as evidence, torch.no_grad():
        before = tiny(a, b).logit
    block = tiny.backbone.stages[stage].blocks[0]
    seen = evidence[f"stage{stage + 1}.block0.attn"]
    block.attn.tap = Replaced(seen)
    with torch.no_grad():
        torch.testing.assert_close(tiny(a, b).logit, before, rtol=0, atol=0)
    block.attn.tap = Replaced(seen.roll(1, 3))
    with torch.no_grad():
        assert (tiny(a, b).logit - before).abs().max() > 1e-7


def test_sr_attention_against_torchs_own() -> None:
    torch.manual_seed(2)
    attention = SRAttention(12, 3, 2, "x").eval()
    x = torch.randn(2, 16, 12)
    reduced = attention.norm(attention.sr(to_map(x, (4, 4))).flatten(2).transpose(1, 2))
    k, v = attention.kv(reduced).chunk(2, 2)
    q, k, v = (t.reshape(2, -1, 3, 4).transpose(1, 2) for t in (attention.q(x), k, v))
    want = attention.proj(nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(2, 16, 12))
    torch.testing.assert_close(attention(x, (4, 4)), want)


def test_fusions_as_written() -> None:
    x, y = torch.tensor([[[[3.0]]]]), torch.tensor([[[[5.0]]]])
    assert [float(fuse(x, y, f)) for f in ("sum", "difference", "product", "mean")] == [8.0, -2.0, 15.0, 4.0]


@pytest.mark.parametrize("fusion", FUSIONS)
def test_score_is_symmetric_and_order_shows_only_in_the_difference(fusion: str) -> None:
    torch.manual_seed(0)
    model, a, b = Svit(replace(TINY, fusion=fusion)).eval(), faces(3), faces(3, seed=1)
    with torch.no_grad():
        ab, ba = model(a, b), model(b, a)
    torch.testing.assert_close(ab.score, ba.score, rtol=0, atol=1e-6)
    apart = (ab.logit[:, 0] - ab.logit[:, 1]).abs().max()
    assert (apart > 1e-5) == (fusion == "difference")


def test_pooling_is_maximum_then_mean() -> None:
    x = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]])
    assert pooled(x).tolist() == [[6.0, 3.0]]


def test_head_by_hand(tiny: Svit) -> None:
    x, y = torch.randn(2, 32, 2, 2), torch.randn(2, 32, 2, 2)
    tiny.head.slope.fill_(2.0)
    tiny.head.offset.fill_(-1.0)
    m = (x * y).flatten(2)
    h = torch.cat([m.max(2).values, m.mean(2)], 1) @ tiny.head.fc1.weight.T + tiny.head.fc1.bias
    want = 2 * (h.clamp_min(0) @ tiny.head.fc2.weight[0] + tiny.head.fc2.bias[0]) - 1
    torch.testing.assert_close(tiny.relate(x, y), want)


def test_embedding_is_a_unit_vector_of_the_pooled_map(tiny: Svit) -> None:
    code = torch.randn(2, 32, 2, 2)
    raw = tiny.embed(pooled(code))
    torch.testing.assert_close(tiny.embedding(code), raw / raw.norm(dim=1, keepdim=True))
    assert tiny.embedding(code).shape == (2, 12)


def test_stochastic_depth_is_silent_outside_training() -> None:
    model = PCPVT(replace(TINY, drop_path=0.5)).eval()
    image = faces(4).image
    torch.testing.assert_close(model(image), model(image), rtol=0, atol=0)
    torch.manual_seed(0)
    assert not torch.equal(model.train()(image), model(image))
