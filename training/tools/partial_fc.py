"""A classifier for very many identities: sharded over the processes, and only a sample of the classes in every step.

An et al., "Partial FC: Training 10 Million Identities on a Single Machine", ICCV Workshops 2021. Every process keeps
`classes / processes` centres. A step gathers the embeddings of all processes; each process scores them against those of
its centres that are in the batch and as many others, drawn at random, as fill the sample rate; the softmax over the
sample of all shards needs two numbers a face from each (its largest logit, its sum of exponentials), never the logits.

ArcFace's margin (losses.ArcFace). At rate 1 the loss and every gradient equal the full softmax's, with any number of
processes.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from training.tools.loop import gathered
from training.tools.resume import generator_of


class _ScaledGradient(torch.autograd.Function):
    """Identity whose gradient is multiplied by a number."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> tuple[Tensor, None]:
        return gradient[0] * ctx.factor, None


def shard(classes: int, processes: int, index: int) -> range:
    """The classes of one process; the first ones have one more where it does not divide."""
    each, rest = divmod(classes, processes)
    start = index * each + min(index, rest)
    return range(start, start + each + (index < rest))


def summed(x: Tensor) -> Tensor:
    """Sum over the processes, with gradients (its backward sums too)."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return x
    from torch.distributed.nn.functional import all_reduce

    return all_reduce(x)


class PartialFC(nn.Module):
    """ArcFace over `classes` identities; this process's shard of the centres.

    Not to be wrapped in DistributedDataParallel: every process has parameters of its own.

    Args:
        rate: share of a shard's centres in a step, in (0, 1].
        seed: of the first centres and of the samples.
    """

    def __init__(
        self, dim: int, classes: int, rate: float = 1.0, scale: float = 64.0, margin: float = 0.5, seed: int = 0
    ) -> None:
        super().__init__()
        if not 0 < rate <= 1:
            raise ValueError(f"the sample rate lies in (0, 1], not {rate}")
        self.processes = dist.get_world_size() if dist.is_initialized() else 1
        self.index = dist.get_rank() if dist.is_initialized() else 0
        self.classes = shard(classes, self.processes, self.index)
        first = torch.randn(classes, dim, generator=torch.Generator().manual_seed(seed)) * 0.01
        self.weight = nn.Parameter(first[self.classes.start : self.classes.stop].clone())
        self.rate, self.scale, self.margin, self.seed = rate, scale, margin, seed

    def sample(self, labels: Tensor, step: int) -> Tensor:
        """Sorted local rows of this step: those in the batch, and others up to the rate. labels: (B,) of all."""
        local = labels - self.classes.start
        present = local[(local >= 0) & (local < len(self.classes))].unique()
        if self.rate == 1:
            return torch.arange(len(self.classes), device=labels.device)
        order = torch.rand(len(self.classes), generator=generator_of(self.seed + self.index, step)).to(labels.device)
        order[present] = 2.0
        count = max(math.ceil(self.rate * len(self.classes)), len(present))
        return order.topk(count).indices.sort().values

    def forward(self, embedding: Tensor, labels: Tensor, step: int = 0) -> Tensor:
        """This process's (b, D) embeddings and (b,) identities -> the mean loss over all processes' faces."""
        x, y = gathered(embedding), gathered(labels)
        rows = self.sample(y, step)
        centres = _ScaledGradient.apply(self.weight, 1 / self.processes)[rows]  # `summed` sums gradients
        cosine = F.linear(F.normalize(x, dim=1), F.normalize(centres, dim=1)).clamp(-1 + 1e-6, 1 - 1e-6)
        column = torch.searchsorted(rows, y - self.classes.start).clamp_max(len(rows) - 1)
        mine = rows[column] == y - self.classes.start  # (B,) is the true centre in this shard?
        true = cosine.gather(1, column[:, None])
        turned = torch.where(
            true > math.cos(math.pi - self.margin),
            (true.acos() + self.margin).cos(),
            true - self.margin * math.sin(math.pi - self.margin),
        )
        logits = self.scale * cosine.scatter(1, column[:, None], torch.where(mine[:, None], turned, true))
        return self._cross_entropy(logits, column, mine)

    def _cross_entropy(self, logits: Tensor, column: Tensor, mine: Tensor) -> Tensor:
        """Softmax over the columns of every process."""
        top = logits.detach().amax(1)
        if self.processes > 1:
            dist.all_reduce(top, dist.ReduceOp.MAX)
        total = summed((logits - top[:, None]).exp().sum(1))
        true = summed(logits.gather(1, column[:, None])[:, 0] * mine)
        return (total.log() + top - true).mean()
