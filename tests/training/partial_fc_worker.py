"""One step of a linear network under PartialFC, for the tests; also started under torchrun.

    python -m tests.training.partial_fc_worker FOLDER RATE

Afterwards FOLDER/<process>.pt holds loss, gradient of the network and gradient of the shard.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import nn

from training.tools.loop import make_accelerator, my_rows
from training.tools.partial_fc import PartialFC

DIM, CLASSES, FACES = 6, 11, 8


def one_step(folder: Path, rate: float) -> None:
    accelerator = make_accelerator("no")
    torch.manual_seed(0)
    net = nn.Linear(5, DIM)
    x, y = torch.randn(FACES, 5), torch.tensor([0, 10, 3, 3, 7, 1, 9, 5])
    network = accelerator.prepare(net)
    head = PartialFC(DIM, CLASSES, rate, scale=8.0, seed=3)
    mine = my_rows(accelerator, FACES)
    loss = head(network(x[mine]), y[mine], step=2)
    accelerator.backward(loss)
    found = {"loss": loss.detach(), "net": net.weight.grad, "shard": head.weight.grad}
    torch.save(found, folder / f"{accelerator.process_index}.pt")


if __name__ == "__main__":
    one_step(Path(sys.argv[1]), float(sys.argv[2]))
