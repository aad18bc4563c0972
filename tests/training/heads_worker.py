"""One step of a linear network under every head that is not sharded, for the tests; also started under torchrun.

    python -m tests.training.heads_worker FOLDER

Afterwards FOLDER/<process>.pt holds loss, gradient of the network, and state and gradient of the head, for every head.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from training.tools.heads import HEADS, head_for
from training.tools.loop import make_accelerator, my_rows

KINDS = [kind for kind in HEADS if kind != "arcface"]
DIM, CLASSES, FACES = 6, 4, 8


def one_step(kind: str) -> dict[str, Tensor]:
    accelerator = make_accelerator("no")
    torch.manual_seed(0)
    net = nn.Linear(5, DIM)
    y = torch.tensor([0, 1, 2, 3, 3, 2, 1, 0])
    x = torch.randn(CLASSES, 5)[y] + 0.3 * torch.randn(FACES, 5)
    network, head = accelerator.prepare(net), head_for(kind, DIM, CLASSES, seed=3)
    mine = my_rows(accelerator, FACES)
    loss = head(network(x[mine]), y[mine])
    accelerator.backward(loss)
    state = {f"state {name}": value for name, value in head.state_dict().items()}
    gradients = {f"gradient {name}": p.grad for name, p in head.named_parameters() if p.grad is not None}
    assert net.weight.grad is not None
    return {"loss": loss.detach(), "net": net.weight.grad, **state, **gradients}


if __name__ == "__main__":
    found = {kind: one_step(kind) for kind in KINDS}
    index = make_accelerator("no").process_index
    torch.save(found, Path(sys.argv[1]) / f"{index}.pt")
