# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/eval/retrieval.txt: a small retrieval problem and its metrics by scikit-learn.

Embeddings are random, so no two scores are equal (scikit-learn ranks equal scores as one group). Label 6 occurs among
the queries and not in the gallery, label 5 the other way round. Lines: versions; dim, queries, gallery; a line a query
and then a gallery item (label, then components); recall at 1 and 5; a query's average precision each; macro F1; then
label, queries, precision, recall and F1 a label.
"""
import sys
from pathlib import Path

import numpy as np
import sklearn
from sklearn.metrics import average_precision_score, f1_score, precision_recall_fscore_support

DIM, QUERIES, GALLERY = 6, 40, 90


def embeddings(random, labels):
    centres = np.random.default_rng(1).standard_normal((7, DIM))
    x = centres[labels] + 1.3 * random.standard_normal((len(labels), DIM))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def main():
    random = np.random.default_rng(0)
    truth = random.choice([0, 1, 2, 3, 4, 6], QUERIES)
    labels = random.choice([0, 1, 2, 3, 4, 5], GALLERY)
    queries, gallery = embeddings(random, truth), embeddings(random, labels)
    scores = queries.astype(np.float64) @ gallery.astype(np.float64).T
    assert min(np.diff(np.sort(row)).min() for row in scores) > 1e-6, "two scores are too near: choose another seed"
    ranked = labels[np.argsort(-scores, axis=1)]
    hits = ranked == truth[:, None]
    predicted = ranked[:, 0]
    known = np.unique(truth)

    lines = [f"numpy-{np.__version__} scikit-learn-{sklearn.__version__}", f"{DIM} {QUERIES} {GALLERY}"]
    for label, row in [*zip(truth, queries), *zip(labels, gallery)]:
        lines.append(" ".join([str(label), *(f"{x:.9g}" for x in row)]))
    lines.append(" ".join(f"{hits[:, :k].any(axis=1).mean():.17g}" for k in (1, 5)))
    for row, label in zip(scores, truth):
        relevant = labels == label
        lines.append(f"{average_precision_score(relevant, row) if relevant.any() else 0.0:.17g}")
    lines.append(f"{f1_score(truth, predicted, labels=known, average='macro', zero_division=0):.17g}")
    table = precision_recall_fscore_support(truth, predicted, labels=known, zero_division=0)
    for label, precision, recall, f1, support in zip(known, *table):
        lines.append(f"{label} {support} {precision:.17g} {recall:.17g} {f1:.17g}")
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/eval/retrieval.txt")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
