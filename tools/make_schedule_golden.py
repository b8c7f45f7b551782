#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/train/schedule.txt: the rates of PyTorch's own schedulers. A case is two lines: "cosine" with lr,
warmup_lr, min_lr, warm-up steps and all steps, or "lotte" with lr and period; then the rate of each step, in float64.

cosine: LinearLR, then CosineAnnealingLR. lotte: an epoch at 0, then CosineAnnealingLR, of whose first step the winner's
warm-up makes a second epoch at the full rate."""
import pathlib
import warnings

import torch
from torch.optim import lr_scheduler

COSINE = [  # lr, warmup_lr, min_lr, warmup, total
    (5e-4, 0, 0, 30, 200), (1e-3, 1e-5, 2e-4, 7, 50), (0.3, 0.01, 0.001, 1, 20), (2e-3, 0, 1e-6, 0, 24), (1, 0.5, 0.1, 9, 10),
]
LOTTE = [(0.002, 29), (0.01, 5)]


def rates(lr, steps, scheduler_of):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=lr)
    scheduler = scheduler_of(optimizer)
    found = []
    for _ in range(steps):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return found


def cosine(lr, warmup_lr, min_lr, warmup, total):
    def scheduler_of(optimizer):
        # The first of the steps is one step up already, so that `warmup` steps reach lr and none is lost at warmup_lr.
        first = (warmup_lr + (lr - warmup_lr) / warmup) / lr if warmup else 1
        rise = lr_scheduler.LinearLR(optimizer, first, total_iters=max(warmup - 1, 1))
        fall = lr_scheduler.CosineAnnealingLR(optimizer, total - warmup, min_lr)
        return lr_scheduler.SequentialLR(optimizer, [rise, fall], [warmup]) if warmup else fall

    return rates(lr, total, scheduler_of)


def lotte(lr, period):
    after = rates(lr, period + 1, lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, period))
    return [0.0, lr, lr, *after[2:]]


def main():
    warnings.simplefilter("ignore")  # of optimizer.step() without gradients, and SequentialLR's own use of epochs
    lines = []
    for case in COSINE:
        lines += ["cosine " + " ".join(map(repr, case)), " ".join(map(repr, cosine(*case)))]
    for case in LOTTE:
        lines += ["lotte " + " ".join(map(repr, case)), " ".join(map(repr, lotte(*case)))]
    path = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/train/schedule.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
