"""The kinship recipe: every network learns, runs continue and divide bit for bit, batches are fair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from accelerate.state import AcceleratorState
from safetensors.torch import load_file

from models.nets.svit import Svit, fuse
from models.pair import CosineLogit, PairModel
from models.taps import record
from tests.training.forked import run_in_two
from tests.training.kin_worker import MODELS, lesson, steps, tiny, train
from training.data.augment import Augment
from training.data.kin_batches import KinBatches, partners
from training.data.sets import Kin, Pair, family_of, identity_of
from training.evaluate.scoring import encode_crops, score_pairs, unique_images
from training.kinship import Settings, fit, freeze_norms, optimizer_groups, start_from
from training.tools.calibration import fit_platt, fit_platt_of_mean
from training.tools.kin_export import calibrate, platt_of
from training.tools.kin_objectives import Weights, objective_for, similarity_gap, with_partners
from training.tools.loop import Run, make_accelerator, read_log
from training.tools.warm_start import freeze

FAST = {"svit": 3e-3, "facor": 3e-3, "siamese_ir": 3e-3, "dlib_kin": 2e-4}  # without batch norms a high rate collapses
STEPS = {"svit": 40, "facor": 20, "siamese_ir": 20, "dlib_kin": 21}


@pytest.mark.parametrize("name", MODELS)
def test_eight_pairs_are_learnt_by_heart(name: str, tmp_path: Path) -> None:
    how = Settings(
        steps=STEPS[name], pairs=8, groups=2, lr=FAST[name], warmup=5, average=0.8, check=STEPS[name], weight_decay=0
    )
    _, best = train(tmp_path, name, how)
    assert best > 0.98
    rows = [row for row in read_log(tmp_path / "log.jsonl") if "loss" in row]
    assert rows[-1]["loss"] < 0.5 * rows[0]["loss"]
    kept = tiny(name).eval()
    kept.load_state_dict(load_file(tmp_path / "model.safetensors"))
    part = lesson(kept)
    scored = score_pairs(kept, encode_crops(kept, part.crops, unique_images(part.held)), part.held)
    assert scored.score[scored.same].min() > scored.score[~scored.same].mean()
    assert (tmp_path / "curve.png").stat().st_size > 1000


def test_a_frozen_trunk_stays_bit_for_bit(tmp_path: Path) -> None:
    model = tiny("facor")
    freeze(model, "trunk.")
    before = {k: v.clone() for k, v in model.state_dict().items()}
    how = Settings(steps=2, pairs=8, groups=2, warmup=1, check=2, weights=Weights(noise=0.2))
    objective, run = objective_for(model, how.weights), Run(tmp_path, make_accelerator("no"), how.seed)
    fit(objective, lesson(model), how, Augment(), run, {"model": "facor"}, started=True)
    kept = load_file(tmp_path / "model.safetensors")
    moved = {k for k, v in before.items() if not torch.equal(kept[k], v)}  # running statistics count too
    assert moved and not any(k.startswith("trunk.") for k in moved)


def test_two_steps_and_two_more_are_four(tmp_path: Path) -> None:
    whole = steps(tmp_path / "whole", 4)
    steps(tmp_path / "parts", 2)
    AcceleratorState._reset_state(reset_partial_state=True)
    assert torch.equal(steps(tmp_path / "parts", 4), whole)


def test_two_processes_do_what_one_does(tmp_path: Path) -> None:
    one = steps(tmp_path / "one", 3)
    (tmp_path / "two").mkdir()
    run_in_two("tests.training.kin_worker", str(tmp_path / "two"), "3")
    np.testing.assert_allclose(np.load(tmp_path / "two" / "codes.npy"), one.numpy(), atol=1e-5)


def batches_of(families: int) -> tuple[KinBatches, tuple[str, ...]]:
    names = tuple(f"F{f:04d}/MID{m}/P{m}{i}_face0.jpg" for f in range(families) for m in (1, 2, 3) for i in (0, 1))
    pairs = [Kin(f"F{f:04d}/MID1", f"F{f:04d}/MID2", ("fs", "md", "bb")[f % 3]) for f in range(families)]
    pairs += [Kin(f"F{f:04d}/MID1", f"F{f:04d}/MID3", "gmgs") for f in range(0, families, 4)]
    return KinBatches(names, pairs, 12, 3, 7), names


def test_a_batch_is_one_kin_pair_a_family_in_groups_of_one_relation() -> None:
    batches, names = batches_of(48)
    seen: dict[str, int] = {}
    for step in range(40):
        batch = batches(step)
        families = [family_of(names[i]) for i in batch.a]
        assert len(set(families)) == 12 and families == [family_of(names[i]) for i in batch.b]
        assert all(identity_of(names[i]) != identity_of(names[j]) for i, j in zip(batch.a, batch.b, strict=True))
        assert len(batch.relation) == 12 and [batch.relation.count(r) for r in dict.fromkeys(batch.relation)] == [4] * 3
        for r in set(batch.relation):
            seen[r] = seen.get(r, 0) + 1
        again = batches(step)
        assert np.array_equal(again.rows, batch.rows) and again.relation == batch.relation
    assert set(seen) == {"fs", "md", "bb", "gmgs"} and 15 < seen["gmgs"] <= 40
    with pytest.raises(ValueError, match="too few families"):
        batches_of(9)


def test_partners_share_the_relation_and_are_not_the_pair_itself() -> None:
    relation = ("md", "md", "md", "fs", "fs", "bb")
    drawn = partners(relation, 50, torch.Generator().manual_seed(0))
    for i, row in enumerate(drawn.tolist()):
        wanted = {j for j, r in enumerate(relation) if r == relation[i] and j != i} or {i}
        assert set(row) == wanted
    x = torch.arange(6.0)[:, None]
    left, right, kin = with_partners(x, x + 10, drawn)
    assert torch.equal(right - left == 10, kin[:, None])
    assert int(kin.sum()) == 6 and len(kin) == 6 + 5 * 50  # the pair that is alone brings no partner


def test_the_fusion_loss_equals_its_formula() -> None:
    torch.manual_seed(0)
    model = tiny("svit").train(False)
    assert isinstance(model, Svit)
    weights = Weights(contrast=0.0, center=0.25, negatives=2)
    objective = objective_for(model, weights)
    torch.nn.init.normal_(objective.center.centers)  # type: ignore[union-attr, operator, arg-type]
    x, y = torch.randn(2, 4, 32, 2, 2)
    partner = torch.tensor([[1, 1], [0, 0], [3, 3], [2, 2]])
    terms, _ = objective.pair_terms(x, y, partner)
    kin_logit = model.head(fuse(x, y, "product"))
    wrong = model.head(fuse(x, y[partner[:, 0]], "product"))
    wanted = -(F.logsigmoid(kin_logit).mean() + F.logsigmoid(-wrong).mean()) / 2
    torch.testing.assert_close(terms["cross_entropy"], wanted)
    hidden = [model.head.hidden(fuse(x, p, "product")) for p in (y, y[partner[:, 0]], y[partner[:, 0]])]
    centers = objective.center.centers  # type: ignore[union-attr]
    distance = [(h - centers[c]).square().sum(1) for h, c in zip(hidden, (1, 0, 0), strict=True)]  # type: ignore[index]
    torch.testing.assert_close(terms["center"], 0.25 * torch.cat(distance).mean() / 2)


def test_the_gap_to_a_teacher_by_hand() -> None:
    s, t = torch.randn(2, 5, 3).double()
    got = similarity_gap(s, t)
    want = 0.0
    for i in range(5):
        for j in range(5):
            if i != j:
                pair = [F.cosine_similarity(e[i] - e.mean(0), e[j] - e.mean(0), dim=0) for e in (s, t)]
                want += float((pair[0] - pair[1]) ** 2) / 20
    assert float(got) == pytest.approx(want)
    assert float(similarity_gap(t, 3 * t + 1)) == pytest.approx(0, abs=1e-12)


def test_a_start_brings_the_trunk_alone_and_must_fit() -> None:
    model, other = tiny("svit"), tiny("svit")
    for p in other.parameters():
        torch.nn.init.constant_(p, 0.5)
    start_from(model, other.state_dict(), objective_for(model, Weights()).trunk)
    trunk, embed = model.backbone.stages[0].peg.weight.detach(), model.embed.weight.detach()
    assert trunk.mean() == 0.5 and embed.mean() == 0.5
    assert model.head.fc1.weight.detach().mean() != 0.5
    half = {k: v for k, v in other.state_dict().items() if "stages.1" not in k}
    with pytest.raises(ValueError, match=r"does not fit svit: backbone\.stages\.1"):
        start_from(model, half, ("backbone.",))


def test_a_siamese_start_fits_facor() -> None:
    from models.nets.facor import FaCoR, FaCoRConfig
    from models.nets.ir_resnet import IRConfig, IRResNet

    facor, siamese = FaCoR(FaCoRConfig(18, 4, reduction=4)), IRResNet(IRConfig(18, 4, dim=32))
    start_from(facor, siamese.state_dict(), objective_for(facor, Weights()).trunk)
    assert torch.equal(facor.trunk.conv1.weight, siamese.trunk.conv1.weight)


@pytest.mark.parametrize("scale", [30.0, 500.0])
def test_the_temperature_of_the_relation_loss_is_the_attention_on_the_tap(scale: float) -> None:
    objective = objective_for(tiny("facor").eval(), Weights(relation_scale=scale))
    x, y = torch.randn(2, 4, 32, 7, 7)
    partner = torch.tensor([[1, 2], [0, 1], [3, 0], [2, 1]])  # the second is its own partner once
    terms, _ = objective.pair_terms(x, y, partner)
    with record() as evidence:
        true = objective.model.fuse(x, y)
    psi = evidence["relation.cross_attn"].square().sum((1, 2)) / scale
    one, other = F.normalize(true.x, dim=1), F.normalize(true.y, dim=1)
    cosine = torch.cat([one, other]) @ torch.cat([one, other]).T / psi.repeat(2)[:, None]
    cosine.fill_diagonal_(-torch.inf)
    assert terms["relation"].item() == pytest.approx(F.cross_entropy(cosine, torch.arange(8).roll(4)).item(), rel=1e-4)
    terms["relation"].backward()
    assert objective.model.components.query.weight.grad.abs().max() > 0


def test_fresh_layers_learn_faster_and_norms_do_not_decay() -> None:
    objective = objective_for(tiny("facor"), Weights())
    how, count = Settings(), sum(1 for _ in objective.parameters())
    started, scratch = (optimizer_groups(objective, s, how) for s in (True, False))
    assert sum(len(g["params"]) for g in started) == sum(len(g["params"]) for g in scratch) == count
    assert {g["lr_scale"] for g in started} == {1, 10} and {g["lr_scale"] for g in scratch} == {1}
    assert all((g["weight_decay"] > 0) == (p.ndim > 1) for g in started for p in g["params"])


def test_frozen_norms_keep_their_statistics() -> None:
    model = tiny("siamese_ir").train()
    before = model.trunk.bn1.running_mean.clone()
    freeze_norms(model)
    model.encode(torch.rand(2, 3, 112, 112), torch.zeros(2, 5, 2))
    assert torch.equal(model.trunk.bn1.running_mean, before)


@pytest.mark.parametrize("name", MODELS)
def test_calibration_balances_the_score(name: str) -> None:
    model = tiny(name).eval().requires_grad_(False)
    part = lesson(model)
    codes = encode_crops(model, part.crops, unique_images(part.held))
    calibration, scored = calibrate(model, codes, part.held)
    assert 0 < calibration.threshold < 1 and "held-out" in calibration.threshold_protocol
    mean_kin, mean_other = scored.score[scored.same].mean(), scored.score[~scored.same].mean()
    assert mean_kin + mean_other == pytest.approx(1, abs=0.02)  # the balanced maximum-likelihood fit
    assert float(platt_of(model).slope) != 1


class Ordered(PairModel):
    """Log-odds 3 x + y of codes of one number: another answer in the other order."""

    name, by_similarity = "ordered", False

    def __init__(self) -> None:
        super().__init__()
        self.logit = CosineLogit()
        self.anchor = torch.nn.Parameter(torch.zeros(1))  # says on which device it is

    def relate(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.logit.slope * (3 * x + y)[:, 0] + self.logit.offset


def test_a_network_that_tells_the_order_is_calibrated_on_its_score() -> None:
    draw, codes, held = np.random.default_rng(0), {}, []
    for i in range(3000):
        a, b = draw.normal(size=2)
        codes |= {f"F{i}/a": torch.tensor([a]), f"F{i}/b": torch.tensor([b])}
        mean = (1 / (1 + np.exp(-(3 * a + b))) + 1 / (1 + np.exp(-(3 * b + a)))) / 2
        held.append(Pair(f"F{i}/a", f"F{i}/b", bool(draw.random() < mean), "fs"))
    model = Ordered()
    calibrate(model, codes, held)
    raw = np.array([[3 * x + y, 3 * y + x] for x, y in ((float(codes[p.a]), float(codes[p.b])) for p in held)])
    same = np.array([p.same for p in held])
    want = fit_platt_of_mean(raw, same)
    assert (float(model.logit.slope), float(model.logit.offset)) == pytest.approx(want, abs=1e-4)
    assert float(model.logit.slope) == pytest.approx(1, abs=0.15) and fit_platt(raw.mean(1), same)[0] < 0.8


def test_a_kin_pair_never_comes_from_one_photograph() -> None:
    names = ("F1/MID1/P1_face0.jpg", "F1/MID1/P2_face0.jpg", "F1/MID2/P1_face1.jpg", "F1/MID3/P2_face1.jpg")
    names += ("F2/MID1/P1_face0.jpg", "F2/MID2/P3_face0.jpg")
    pairs = [Kin("F1/MID1", "F1/MID2", "fs"), Kin("F2/MID1", "F2/MID2", "fs"), Kin("F1/MID2", "F1/MID3", "bb")]
    batches = KinBatches(names, pairs, 2, 1, 0)
    drawn = {(names[a], names[b]) for step in range(30) for a, b in zip(batches(step).a, batches(step).b, strict=True)}
    assert ("F1/MID1/P1_face0.jpg", "F1/MID2/P1_face1.jpg") not in drawn
    assert ("F1/MID1/P2_face0.jpg", "F1/MID2/P1_face1.jpg") in drawn
    assert ("F2/MID1/P1_face0.jpg", "F2/MID2/P3_face0.jpg") in drawn
