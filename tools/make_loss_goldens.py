#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/losses/losses.txt: what pytorch-metric-learning's losses say of hash-filled embeddings and class
weights (see make_model_goldens.py), in double. A line a case: name, loss, norm of its gradient by x, by the weights.

Needs pytorch-metric-learning (2.9.0 when the file was made). AdaFace, which it has not, is written out from the paper
(arXiv:2204.00964, eq. 11-15).
"""
import math
import pathlib

import torch
from pytorch_metric_learning import distances, losses, miners, reducers

from make_model_goldens import filled

PHOTOS, DIM, CLASSES = 12, 6, 5
LABELS = torch.arange(PHOTOS) % 4


def tensor(name, *shape):
    return filled(name, shape).requires_grad_()


def classifier(make, rows):
    """A pytorch-metric-learning classifier loss with our weights; it keeps them transposed."""
    x, weight = tensor("input", PHOTOS, DIM), tensor("weight", rows, DIM)
    loss = make().double()
    del loss.W
    loss.W = weight.t()
    value = loss(x, LABELS)
    return value, x, weight


def degrees(radians):
    return math.degrees(radians)


def adaface(margin, scale):
    x, weight = tensor("input", PHOTOS, DIM), tensor("weight", CLASSES, DIM)
    norm = x.detach().norm(dim=1).clamp(0.001, 100)
    mean = 0.99 * 20 + 0.01 * norm.mean()
    std = 0.99 * 100 + 0.01 * norm.std()
    z = (0.333 * (norm - mean) / (std + 1e-3)).clamp(-1, 1)
    cosine = torch.nn.functional.normalize(x) @ torch.nn.functional.normalize(weight).t()
    logits = cosine.clone()
    for i, label in enumerate(LABELS):
        theta = torch.acos(cosine[i, label].clamp(-1 + 1e-3, 1 - 1e-3))
        theta = (theta - margin * z[i]).clamp(1e-3, math.pi - 1e-3)
        logits[i, label] = torch.cos(theta) - (margin + margin * z[i])
    return torch.nn.functional.cross_entropy(scale * logits, LABELS), x, weight


def pairs(loss, miner):
    x = tensor("input", PHOTOS, DIM)
    return loss(x, LABELS, miner(x.detach(), LABELS)), x, None


def cases():
    yield "arcface", *classifier(lambda: losses.ArcFaceLoss(CLASSES, DIM, margin=degrees(0.4), scale=45), CLASSES)
    yield "arcface-wide", *classifier(lambda: losses.ArcFaceLoss(CLASSES, DIM, margin=degrees(1.5), scale=8), CLASSES)
    yield "subcenters", *classifier(
        lambda: losses.SubCenterArcFaceLoss(num_classes=CLASSES, embedding_size=DIM, margin=degrees(0.3), scale=30,
                                            sub_centers=3), 3 * CLASSES)
    yield "cosface", *classifier(lambda: losses.CosFaceLoss(CLASSES, DIM, margin=0.35, scale=64), CLASSES)
    yield "adaface", *adaface(0.4, 64)
    unit = distances.LpDistance(normalize_embeddings=True)
    yield "triplet", *pairs(losses.TripletMarginLoss(margin=0.2, distance=unit, reducer=reducers.MeanReducer()),
                            miners.BatchHardMiner(distance=unit))
    yield "multi-similarity", *pairs(losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5),
                                     miners.MultiSimilarityMiner(epsilon=0.1))


def main():
    lines = []
    for name, value, x, weight in cases():
        value.backward()
        lines.append(f"{name} {value.item():.15g} {x.grad.norm().item():.15g} "
                     f"{0 if weight is None else weight.grad.norm().item():.15g}")
    path = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/losses/losses.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
