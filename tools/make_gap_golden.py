#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/eval/gap.txt: the global average precision of 200 made-up predictions by its definition in NumPy,
then a line of truth, predicted class and confidence for each."""
import pathlib

import numpy as np

random = np.random.default_rng(7)
truth = random.integers(0, 20, 200)
predicted = np.where(random.random(200) < 0.7, truth, random.integers(0, 20, 200))
confidence = np.round(random.random(200), 6)
order = np.argsort(-confidence, kind="stable")
right = (truth == predicted)[order]
precision = np.cumsum(right) / np.arange(1, len(right) + 1)
value = (precision * right).sum() / len(right)
rows = [f"{t} {p} {c}" for t, p, c in zip(truth, predicted, confidence)]
path = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/eval/gap.txt"
path.write_text("\n".join([repr(float(value)), *rows]) + "\n")
