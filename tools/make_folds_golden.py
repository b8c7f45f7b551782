#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/data/folds.txt: which fold scikit-learn's StratifiedKFold holds each row out in. Three lines a case:
folds and seed; the labels; the folds. Needs scikit-learn (1.7 when the file was made)."""
import pathlib

import numpy as np
from sklearn.model_selection import StratifiedKFold

CASES = [  # folds, seed, labels
    (2, 0, list("aabb")),
    (3, 7, list("bbbabacccab")),
    (5, 9999, [f"p{i % 7}" for i in range(60)]),
    (5, 9999, sorted(f"p{i % 40:02}" for i in range(400))),
    (5, 4294967295, [f"x{int(10 * abs(np.sin(i)))}" for i in range(333)]),
    (4, 42, ["rare"] + ["often"] * 30 + ["seldom"] * 5),
]


def main():
    lines = []
    for folds, seed, labels in CASES:
        of_row = np.empty(len(labels), int)
        splits = StratifiedKFold(folds, shuffle=True, random_state=seed).split(np.zeros(len(labels)), labels)
        for fold, (_, held_out) in enumerate(splits):
            of_row[held_out] = fold
        lines += [f"{folds} {seed}", " ".join(labels), " ".join(map(str, of_row))]
    path = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/data/folds.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
