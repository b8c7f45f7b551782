#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Golden files of src/ranking from NumPy: PCA-whitening by eigh, and k-reciprocal re-ranking with dense matrices, in the
one-query-at-a-time form that src/ranking/k_reciprocal.h describes and, to see how far that is, as Zhong et al. 2017,
arXiv:1701.08398, have it.

  .venv/bin/python tools/make_ranking_goldens.py
"""
import pathlib

import numpy as np

OUT = pathlib.Path(__file__).resolve().parents[1] / "tests/golden/ranking"


def clustered(rng, n, dim, centres, noise):
    x = centres[np.arange(n) % len(centres)] + noise * rng.standard_normal((n, dim))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def whitening(x, out, whiten):
    x = x.astype(np.float64)
    mean = x.mean(0)
    values, vectors = np.linalg.eigh((x - mean).T @ (x - mean) / len(x))
    rows = []
    for value, direction in list(zip(values, vectors.T))[::-1][:out]:
        direction = direction * np.sign(direction[np.abs(direction).argmax()]) / value ** (whiten / 2)
        rows.append([*direction, -direction @ mean])
    return np.array(rows)


def neighbours(scores, self_row=None):
    """Rows by falling score; a photo is its own nearest."""
    order = np.argsort(-scores, kind="stable")
    return order if self_row is None else np.array([self_row, *order[order != self_row]])


class Dense:
    """The gallery's encodings as a matrix [n, n]."""

    def __init__(self, x, k1, k2):
        self.x, self.k1, self.k2 = x.astype(np.float64), k1, k2
        n = len(x)
        self.s = (self.x @ self.x.T).astype(np.float32).astype(np.float64)
        self.lists = [neighbours(self.s[i], i) for i in range(n)]
        self.halves = [self.reciprocal(i, k1 // 2) for i in range(n)]
        self.own = np.zeros((n, n))
        for i in range(n):
            known = self.lists[i][: k1 + 1]
            end = self.s[i, known[-1]]
            for g in self.extend(self.reciprocal(i, k1)):
                self.own[i, g] = np.exp((self.s[i, g] if g in known else end) - 1)
            self.own[i] /= self.own[i].sum()
        self.encodings = np.stack([self.own[self.lists[i][:k2]].mean(0) for i in range(n)])

    def reciprocal(self, i, k):
        return {g for g in self.lists[i][: k + 1] if i in self.lists[g][: k + 1]}

    def extend(self, rows):
        every = set(rows)
        for g in rows:
            if 3 * len(rows & self.halves[g]) >= 2 * len(self.halves[g]):
                every |= self.halves[g]
        return every

    def rank(self, query, weight):
        s = (self.x @ query.astype(np.float64)).astype(np.float32).astype(np.float64)
        order = neighbours(s)
        members = {g for g in order[: self.k1] if s[g] >= self.s[g, self.lists[g][: self.k1 + 1][-1]]}
        own = np.zeros(len(self.x))
        for g in self.extend(members):
            own[g] = np.exp(s[g] - 1)
        if own.sum() > 0:
            own /= own.sum()
        encoding = np.mean([own, *self.own[order[: self.k2 - 1]]], axis=0)
        jaccard = 1 - np.minimum(encoding, self.encodings).sum(1) / np.maximum(encoding, self.encodings).sum(1)
        final = (1 - weight) * jaccard + weight * (1 - s)
        return order[np.argsort(final[order].round(12), kind="stable")]


def as_in_the_paper(x, query, k1, k2, weight):
    """Section 3 for one query among the photos x: the query is a photo as others are, in every neighbourhood. Distance:
    1 - cosine. Returns the rows of x by the final distance."""
    everything = np.concatenate([query[None], x]).astype(np.float64)
    distances = 1 - everything @ everything.T
    count = len(everything)
    ranks = np.array([neighbours(-distances[i], i) for i in range(count)])

    def reciprocal(i, k):  # R(p, k)
        return {j for j in ranks[i][: k + 1] if i in ranks[j][: k + 1]}

    encodings = np.zeros((count, count))
    for i in range(count):
        near = reciprocal(i, k1)
        members = set(near)  # R*(p, k)
        for j in near:
            half = reciprocal(j, k1 // 2)
            if len(near & half) >= 2 / 3 * len(half):
                members |= half
        for j in members:
            encodings[i, j] = np.exp(-distances[i, j])
    encodings /= encodings.sum(1, keepdims=True)  # in the authors' code only
    encodings = np.stack([encodings[ranks[i][:k2]].mean(0) for i in range(count)])
    smaller = np.minimum(encodings[0], encodings[1:]).sum(1)
    larger = np.maximum(encodings[0], encodings[1:]).sum(1)
    return np.argsort(((1 - weight) * (1 - smaller / larger) + weight * distances[0, 1:]).round(12), kind="stable")


def numbers(array):
    return " ".join(repr(float(v)) for v in np.ravel(array))


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    centres = rng.standard_normal((6, 8)) * 0.7
    x = clustered(rng, 80, 8, centres, 0.4)
    (OUT / "whitening.txt").write_text(f"80 8 5 1.0\n{numbers(x)}\n{numbers(whitening(x, 5, 1.0))}\n")

    queries = clustered(rng, 48, 8, centres, 0.4)
    k1, k2, weight = 10, 4, 0.3
    dense = Dense(x, k1, k2)
    lines = [f"80 {len(queries)} 8 {k1} {k2} {weight}", numbers(x), numbers(queries)]
    lines += [" ".join(map(str, dense.rank(q, weight))) for q in queries]
    lines += [" ".join(map(str, as_in_the_paper(x, q, k1, k2, weight))) for q in queries]
    (OUT / "k_reciprocal.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
