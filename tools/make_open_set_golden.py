#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/eval/open_set.txt: scikit-learn's logistic regression on Platt's targets, its AUROC and ROC curve,
and the expected calibration error by NumPy.

    pip install scikit-learn && python tools/make_open_set_golden.py

First line: the four weights, AUROC, false accepts at 95% true accepts, calibration error; then score, margin, agreement,
right (0 or 1) and weight of each photo."""
import pathlib

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve

rng = np.random.default_rng(5)
n = 240
right = rng.random(n) < 0.6
x = np.round(np.stack([rng.normal(0.7 - 0.25 * ~right, 0.15), rng.normal(0.2 - 0.12 * ~right, 0.1),
                       rng.integers(1, 6, n) / 5 * (0.6 + 0.4 * right)], axis=1), 4)
weight = np.where(right, 1.0, 1.5)

# A photo with target t is a right one of weight t and a wrong one of weight 1 - t.
positives, negatives = right.sum(), (~right).sum()
target = np.where(right, (positives + 1) / (positives + 2), 1 / (negatives + 2))
model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=100000, solver="newton-cholesky")
model.fit(np.concatenate([x, x]), np.repeat([1, 0], n), sample_weight=np.concatenate([weight * target, weight * (1 - target)]))
w = [model.intercept_[0], *model.coef_[0]]

z = np.round(w[0] + x @ np.array(w[1:]), 1)  # so that some are equal
false_accept, true_accept, _ = roc_curve(right, z, drop_intermediate=False)
p = 1 / (1 + np.exp(-(w[0] + x @ np.array(w[1:]))))
bins = np.ceil(p * 15).astype(int)
error = sum(abs((weight * (p - right))[bins == b].sum()) for b in range(1, 16)) / weight.sum()

out = pathlib.Path(__file__).parents[1] / "tests/golden/eval/open_set.txt"
lines = [" ".join(repr(float(v)) for v in [*w, roc_auc_score(right, z), false_accept[true_accept >= 0.95].min(), error])]
lines += [" ".join(repr(float(v)) for v in row) + f" {int(r)} {v}" for row, r, v in zip(x, right, weight)]
out.write_text("\n".join(lines) + "\n")
