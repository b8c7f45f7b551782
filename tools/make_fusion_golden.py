#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/recognize/fusion.txt: made-up queries decided as the winner of the Lotte product contest decides
(DShomin/Lotte-product-classification at 42e5ca5, notebook/infer.ipynb, cells 21 and 26), in NumPy.

The networks' cosines to the classes are added up and divided by 9; the five greatest are kept. Each of the five nearest
photos adds similarity^9 * score^10 to its label, where a class that was not kept has the score 1e-8; most wins.

First the numbers of queries, networks, classes and neighbours. A query is: a line of cosines a network, a line of the
neighbours' labels, a line of their similarities, and a line of the label and its share of the whole sum."""
import pathlib

import numpy as np

QUERIES, NETWORKS, CLASSES, NEIGHBOURS, KEPT = 16, 10, 12, 5, 5

random = np.random.default_rng(3)
lines = [f"{QUERIES} {NETWORKS} {CLASSES} {NEIGHBOURS}"]
for query in range(QUERIES):
    likely = random.choice(CLASSES, 3, replace=False)
    cosines = random.uniform(-0.1, 0.3, (NETWORKS, CLASSES))
    cosines[:, likely] += random.uniform(0, 0.3, 3)
    cosines = np.round(cosines, 4).astype(np.float32)
    scores = cosines.sum(0, dtype=np.float32) / np.float32(9)
    best = np.argsort(-scores, kind="stable")[:KEPT]
    kept = {int(c): float(scores[c]) for c in best}
    assert min(kept.values()) > 0
    # Photos of likely classes mostly; of the last queries of none that was kept.
    others = [c for c in range(CLASSES) if c not in kept]
    labels = random.choice(others if query >= QUERIES - 2 else [*likely, *likely, others[0]], NEIGHBOURS)
    similarities = np.round(np.sort(random.uniform(0.3, 0.9, NEIGHBOURS))[::-1], 4).astype(np.float32)
    sums = {}
    for label, similarity in zip(labels.tolist(), similarities.tolist()):
        sums[label] = sums.get(label, 0.0) + similarity**9 * kept.get(label, 1e-8) ** 10
    winner = max(sums, key=sums.get)
    lines += [" ".join(f"{c:.4f}" for c in row) for row in cosines]
    lines += [" ".join(map(str, labels)), " ".join(f"{s:.4f}" for s in similarities)]
    lines.append(f"{winner} {sums[winner] / sum(sums.values()):.9g}")
path = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/recognize/fusion.txt"
path.parent.mkdir(exist_ok=True)
path.write_text("\n".join(lines) + "\n")
