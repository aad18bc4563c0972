"""Each loss against an independent transcription in NumPy, written from the paper with plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from training.tools.losses import (
    AdaFace,
    ArcFace,
    CenterLoss,
    CosFace,
    MarginHead,
    NormalisedSoftmax,
    distillation,
    easy_negatives,
    frontness,
    info_nce,
    relation_guided,
    symmetry,
)

RNG = np.random.default_rng(0)


def tensor(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(x, np.float32))


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def cross_entropy(logits: np.ndarray, label: int) -> float:
    return float(np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[label])


def test_center_loss() -> None:
    x, c, y = RNG.normal(size=(5, 3)), RNG.normal(size=(4, 3)), [0, 3, 3, 1, 0]
    loss = CenterLoss(4, 3)
    loss.centers.data = tensor(c)
    want = sum(((x[i] - c[y[i]]) ** 2).sum() for i in range(5)) / 5 / 2
    assert loss(tensor(x), torch.tensor(y)).item() == pytest.approx(want, rel=1e-5)


def test_center_loss_pulls_the_centre_to_its_class() -> None:
    loss = CenterLoss(2, 2)
    x = torch.tensor([[2.0, 0.0], [4.0, 2.0]])
    loss(x, torch.tensor([1, 1])).backward()
    np.testing.assert_allclose(loss.centers.grad.numpy(), [[0, 0], [-3, -1]])


def nt_xent(a: np.ndarray, b: np.ndarray, tau: np.ndarray) -> float:
    z, n = unit(np.concatenate([a, b])), len(a)
    terms = []
    for i in range(2 * n):
        j, t = (i + n) % (2 * n), tau[i % n]
        denominator = sum(math.exp(z[i] @ z[k] / t) for k in range(2 * n) if k != i)
        terms.append(-math.log(math.exp(z[i] @ z[j] / t) / denominator))
    return float(np.mean(terms))


@pytest.mark.parametrize("tau", [0.08, 0.5])
def test_info_nce(tau: float) -> None:
    a, b = RNG.normal(size=(2, 6, 8))
    assert info_nce(tensor(a), tensor(b), tau).item() == pytest.approx(nt_xent(a, b, np.full(6, tau)), rel=1e-4)


def test_info_nce_with_a_temperature_for_each_pair() -> None:
    a, b = RNG.normal(size=(2, 4, 8))
    tau = np.array([0.1, 0.2, 0.4, 0.8])
    assert info_nce(tensor(a), tensor(b), tensor(tau)).item() == pytest.approx(nt_xent(a, b, tau), rel=1e-4)


def hard_nt_xent(a: np.ndarray, b: np.ndarray, tau: float, quantile: float) -> float:
    z, n = unit(np.concatenate([a, b])), len(a)
    terms = []
    for i in range(2 * n):
        j = (i + n) % (2 * n)
        negatives = np.array([z[i] @ z[k] for k in range(2 * n) if k not in (i, j)])
        kept = negatives[negatives >= np.quantile(negatives, quantile)]
        terms.append(cross_entropy(np.concatenate([[z[i] @ z[j]], kept]) / tau, 0))
    return float(np.mean(terms))


@pytest.mark.parametrize("quantile", [0.5, 0.8])
def test_info_nce_with_hard_negatives(quantile: float) -> None:
    a, b = RNG.normal(size=(2, 7, 8))
    got = info_nce(tensor(a), tensor(b), 0.2, quantile).item()
    assert got == pytest.approx(hard_nt_xent(a, b, 0.2, quantile), rel=1e-4)
    assert got < info_nce(tensor(a), tensor(b), 0.2).item()


def test_only_negatives_are_left_out() -> None:
    z = torch.nn.functional.normalize(tensor(RNG.normal(size=(12, 5))), dim=1)
    own = torch.eye(12, dtype=torch.bool)
    easy = easy_negatives(z @ z.T, own, 0.8)
    assert not easy[own].any() and not easy[own.roll(6, 1)].any()
    assert (10 - easy.sum(1)).tolist() == [2] * 12  # the 80 % quantile of ten lies between the eighth and the ninth
    assert not easy_negatives(torch.ones(12, 12), own, 0.8).any()  # ties are kept


def test_relation_guided() -> None:
    a, b = RNG.normal(size=(2, 4, 8))
    attention = np.exp(RNG.normal(size=(4, 9, 9)) * 3)
    attention /= attention.sum(2, keepdims=True)
    psi = np.array([(m * m).sum() / 20 for m in attention])
    got = relation_guided(tensor(a), tensor(b), tensor(attention), 20)
    assert got.item() == pytest.approx(nt_xent(a, b, psi), rel=1e-4)


def relation_by_column(a: np.ndarray, b: np.ndarray, psi: np.ndarray) -> float:
    """The form of the authors' public code: the terms of a denominator are divided by the psi of their own pair."""
    z, n = unit(np.concatenate([a, b])), len(a)
    terms = []
    for i in range(2 * n):
        j = (i + n) % (2 * n)
        denominator = sum(math.exp(z[i] @ z[k] / psi[k % n]) for k in range(2 * n) if k != i)
        terms.append(-math.log(math.exp(z[i] @ z[j] / psi[i % n]) / denominator))
    return float(np.mean(terms))


def test_relation_guided_has_the_temperature_of_the_row() -> None:
    rng = np.random.default_rng(6)
    a = rng.normal(size=(6, 8))
    b, attention = a + 0.5 * rng.normal(size=(6, 8)), np.exp(rng.normal(size=(6, 9, 9)) * rng.uniform(0, 4, (6, 1, 1)))
    attention /= attention.sum(2, keepdims=True)
    psi = np.array([(m * m).sum() / 20 for m in attention])
    by_row, by_column = nt_xent(a, b, psi), relation_by_column(a, b, psi)
    assert abs(by_row - by_column) > 0.05
    assert relation_guided(tensor(a), tensor(b), tensor(attention), 20).item() == pytest.approx(by_row, rel=1e-4)
    alike = np.repeat(attention[:1], 6, 0)
    same = relation_by_column(a, b, np.full(6, psi[0]))
    assert relation_guided(tensor(a), tensor(b), tensor(alike), 20).item() == pytest.approx(same, rel=1e-4)


def test_relation_guided_teaches_the_attention() -> None:
    attention = torch.rand(3, 4, 4).softmax(2).requires_grad_()
    relation_guided(torch.randn(3, 5), torch.randn(3, 5), attention, 10).backward()
    assert attention.grad.abs().sum() > 0


EMBEDDING, WEIGHT, LABELS = RNG.normal(size=(6, 5)) * 4, RNG.normal(size=(7, 5)), [0, 1, 2, 3, 6, 6]


def angles() -> np.ndarray:
    return np.arccos(unit(EMBEDDING) @ unit(WEIGHT).T)


def head_value(head: MarginHead) -> float:
    head.weight.data = tensor(WEIGHT)
    return float(head(tensor(EMBEDDING), torch.tensor(LABELS)).item())


def test_arcface() -> None:
    theta, terms = angles(), []
    for i, y in enumerate(LABELS):
        logits = 64 * np.cos(theta[i])
        past = theta[i, y] + 0.5 > math.pi
        turned = math.cos(theta[i, y]) - 0.5 * math.sin(0.5) if past else math.cos(theta[i, y] + 0.5)
        logits[y] = 64 * turned
        terms.append(cross_entropy(logits, y))
    assert head_value(ArcFace(5, 7)) == pytest.approx(np.mean(terms), rel=1e-4)


def test_arcface_falls_over_the_whole_circle() -> None:
    head = ArcFace(2, 2, scale=1.0)
    head.weight.data = torch.tensor([[1.0, 0.0], [0.0, 0.0]])  # the other class always has cosine 0
    theta = torch.linspace(0.01, math.pi - 0.01, 60)
    losses = [head(torch.stack([t.cos(), t.sin()])[None], torch.tensor([0])).item() for t in theta]
    assert (np.diff(losses) > 0).all()


def test_normalised_softmax() -> None:
    terms = [cross_entropy(64 * np.cos(angles()[i]), y) for i, y in enumerate(LABELS)]
    assert head_value(NormalisedSoftmax(5, 7)) == pytest.approx(np.mean(terms), rel=1e-4)


def test_cosface() -> None:
    theta, terms = angles(), []
    for i, y in enumerate(LABELS):
        logits = 64 * np.cos(theta[i])
        logits[y] = 64 * (math.cos(theta[i, y]) - 0.35)
        terms.append(cross_entropy(logits, y))
    assert head_value(CosFace(5, 7)) == pytest.approx(np.mean(terms), rel=1e-4)


def adaface(mean: float, std: float) -> float:
    theta, terms = angles(), []
    for i, y in enumerate(LABELS):
        z = np.clip((np.linalg.norm(EMBEDDING[i]) - mean) / (std + 1e-3) * 0.333, -1, 1)
        logits = 64 * np.cos(theta[i])
        turned = np.clip(theta[i, y] - 0.4 * z, 1e-3, math.pi - 1e-3)
        logits[y] = 64 * (math.cos(turned) - (0.4 * z + 0.4))
        terms.append(cross_entropy(logits, y))
    return float(np.mean(terms))


def test_adaface_with_stored_statistics() -> None:
    head = AdaFace(5, 7).eval()
    head.norm_mean.fill_(8.0)
    head.norm_std.fill_(2.0)
    assert head_value(head) == pytest.approx(adaface(8.0, 2.0), rel=1e-4)
    assert float(head.norm_mean) == 8.0


def test_adaface_updates_its_statistics_in_training() -> None:
    norms = np.linalg.norm(EMBEDDING, axis=1)
    mean, std = 0.99 * 20 + 0.01 * norms.mean(), 0.99 * 100 + 0.01 * norms.std(ddof=1)
    assert head_value(AdaFace(5, 7)) == pytest.approx(adaface(mean, std), rel=1e-4)


def adaface_step(norms: list[float], mean: float, std: float) -> tuple[float, float, list[float]]:
    """Running mean, running std (with n - 1) and the margin scaler of every face, by the paper's sec. 3.3."""
    n, batch = len(norms), sum(norms) / len(norms)
    mean = 0.01 * batch + 0.99 * mean
    if n > 1:
        std = 0.01 * math.sqrt(sum((x - batch) ** 2 for x in norms) / (n - 1)) + 0.99 * std
    return mean, std, [min(1.0, max(-1.0, (x - mean) / (std + 1e-3) * 0.333)) for x in norms]


@pytest.mark.parametrize("batches", [[1], [1, 1, 3], [3, 1, 2]])
def test_adaface_with_one_face_keeps_its_deviation(batches: list[int]) -> None:
    head, mean, std, at = AdaFace(5, 7), 20.0, 100.0, 0
    head.weight.data = tensor(WEIGHT)
    for size in batches:
        rows = [i % len(EMBEDDING) for i in range(at, at + size)]
        mean, std, z = adaface_step([float(np.linalg.norm(EMBEDDING[i])) for i in rows], mean, std)
        terms = []
        for i, scaler in zip(rows, z, strict=True):
            logits, y = 64 * np.cos(angles()[i]), LABELS[i]
            logits[y] = 64 * (math.cos(angles()[i, y] - 0.4 * scaler) - (0.4 * scaler + 0.4))
            terms.append(cross_entropy(logits, y))
        loss = head(tensor(EMBEDDING[rows]), torch.tensor([LABELS[i] for i in rows]))
        assert loss.item() == pytest.approx(np.mean(terms), rel=1e-4)
        at += size
    assert float(head.norm_mean) == pytest.approx(mean, rel=1e-6)
    assert float(head.norm_std) == pytest.approx(std, rel=1e-6)


def test_adaface_is_arcface_for_poor_and_cosface_like_for_middling_faces() -> None:
    x, y = torch.randn(4, 5), torch.tensor([0, 1, 2, 3])
    head, cos, arc = AdaFace(5, 7).eval(), CosFace(5, 7, margin=0.4), ArcFace(5, 7, margin=0.4)
    cos.weight, arc.weight = head.weight, head.weight
    head.norm_mean.copy_(torch.tensor(10.0))
    head.norm_std.copy_(torch.tensor(1.0))
    torch.testing.assert_close(head(torch.nn.functional.normalize(x) * 10, y), cos(x, y))  # z = 0
    torch.testing.assert_close(head(torch.nn.functional.normalize(x), y), arc(x, y))  # z = -1


@pytest.mark.parametrize("head", [ArcFace, CosFace, AdaFace, NormalisedSoftmax])
def test_margin_heads_have_finite_gradients_on_the_class_centre(head: type) -> None:
    torch.manual_seed(0)
    layer = head(5, 7)
    x = (layer.weight.detach()[[2, 2]] * torch.tensor([[1.0], [-1.0]])).requires_grad_()
    layer(x, torch.tensor([2, 2])).backward()
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(layer.weight.grad).all()


def test_frontness() -> None:
    points = torch.zeros(3, 5, 2)
    points[:, 0, 0], points[:, 1, 0] = 0.3, 0.7
    points[:, 2, 0] = torch.tensor([0.5, 0.6, 0.95])  # in the middle, halfway to an eye, beyond it
    torch.testing.assert_close(frontness(points), torch.tensor([1.0, 0.5, 0.0]))


def test_symmetry() -> None:
    left, right = RNG.normal(size=(2, 4, 6))
    rho = np.array([0.9, 1.0, 0.5, 0.8])
    rows = [i for i in range(4) if rho[i] >= 0.75]
    want = sum(rho[i] * ((unit(left)[i] - unit(right)[i]) ** 2).sum() for i in rows) / len(rows)
    assert symmetry(tensor(left), tensor(right), tensor(rho), 0.75).item() == pytest.approx(want, rel=1e-5)
    assert symmetry(tensor(left), tensor(right), tensor(rho * 0), 0.75).item() == 0


def test_distillation() -> None:
    s, t = unit(RNG.normal(size=(2, 5, 8)))
    mean = t.mean(0) + 0.1
    cs, ct = unit(s - mean), unit(t - mean)
    gaps = [(cs[i] @ cs[j] - ct[i] @ ct[j]) ** 2 for i in range(5) for j in range(5) if i != j]
    want = np.mean([1 - s[i] @ t[i] for i in range(5)]) + np.mean([1 - cs[i] @ ct[i] for i in range(5)])
    got = distillation(tensor(s), tensor(t), tensor(mean), 3.0)
    assert got.item() == pytest.approx(want + 3 * np.mean(gaps), rel=1e-4)
    assert distillation(tensor(t), tensor(t), tensor(mean)).item() == pytest.approx(0, abs=1e-5)
