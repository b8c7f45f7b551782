#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What 5 folds by chance tear apart, and what R@1 that feigns: near-duplicate groups on both sides of a fold, and held-out
photos named by their nearest photo of the other folds, with folds by chance (which tear groups) and by whole groups.
Needs scikit-learn, whose StratifiedKFold `train --folds` equals.

    bench/splits.py GROUPS.csv EMBEDDINGS.npy     # of `shoplens groups` and `shoplens embed`, from one list"""
import argparse
import csv
import warnings

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold


def folds_of(splitter, labels, groups):
    fold_of = np.empty(len(labels), int)
    for fold, (_, held_out) in enumerate(splitter.split(labels, labels, groups)):
        fold_of[held_out] = fold
    return fold_of


def recall_at_1(cosines, labels, fold_of):
    return (labels == labels[np.where(fold_of[:, None] == fold_of, -2, cosines).argmax(1)]).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups")
    parser.add_argument("embeddings")
    parser.add_argument("--seeds", type=int, default=20)
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # labels with fewer photos than folds
    with open(args.groups, newline="") as file:
        rows = list(csv.DictReader(file))
    labels = np.unique([row["label"] for row in rows], return_inverse=True)[1]
    groups = np.array([int(row["group"]) for row in rows])
    x = np.load(args.embeddings)
    cosines = x @ x.T
    alike = groups[:, None] == groups
    np.fill_diagonal(alike, False)
    print(f"{len(rows)} photos; {alike.any(1).sum()} of them in {len(np.unique(groups[alike.any(1)]))} groups of two or "
          f"more, {len(np.unique(groups[(alike & (labels[:, None] != labels)).any(1)]))} of them of several labels")
    torn, leaked, by_chance, whole = [], [], [], []
    for seed in range(args.seeds):
        chance = folds_of(StratifiedKFold(5, shuffle=True, random_state=seed), labels, groups)
        across = (alike & (chance[:, None] != chance)).any(1)
        torn.append(len(np.unique(groups[across])))
        leaked.append(100 * across.mean())
        by_chance.append(100 * recall_at_1(cosines, labels, chance))
        whole.append(100 * recall_at_1(cosines, labels, folds_of(
            StratifiedGroupKFold(5, shuffle=True, random_state=seed), labels, groups)))
    print(f"{args.seeds} times 5 folds by chance: {min(torn)} to {max(torn)} groups torn apart, {np.mean(leaked):.1f}% of "
          f"the photos with one of their group in training\n"
          f"R@1 of held-out photos: folds by chance {np.mean(by_chance):.1f}, by whole groups {np.mean(whole):.1f}")


if __name__ == "__main__":
    main()
