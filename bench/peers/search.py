#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exact search of shoplens (bench_search) against Faiss on the same vectors, in turn: medians, the ratio of each round, and
how many of Faiss's neighbours ours are (float32 sums differ where scores tie in the last bits).

  search.py --vectors 48000 --dim 512
  search.py --kernel avx2               as on a processor without AVX-512: Faiss with AVX2, ours by this kernel (or avxvnni)

The vectors are shaped as embeddings are: 48 about each centre at a cosine of about .8.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

if any(word.startswith("--kernel") for word in sys.argv):  # read as the libraries are loaded
    os.environ.update(FAISS_SIMD_LEVEL="AVX2", OPENBLAS_CORETYPE="Haswell")
import faiss
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]


def clustered(count, dim, rng, centres):
    x = centres[rng.integers(len(centres), size=count)]
    x += rng.standard_normal((count, dim), dtype=np.float32) * (0.75 / dim**0.5)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def ours(process, batch, k):
    process.stdin.write(f"{batch}\n")
    process.stdin.flush()
    words = process.stdout.readline().split()
    return float(words[0]), np.array(words[1:], np.int64).reshape(batch, k)


def stream(process):
    process.stdin.write("0\n")
    process.stdin.flush()
    return tuple(map(float, process.stdout.readline().split()))


def peer(search, queries):
    start = time.perf_counter()
    ids = search(queries)
    return (time.perf_counter() - start) * 1e3, ids


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vectors", type=int, default=48_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--kernel", choices=("avx2", "avxvnni"))
    parser.add_argument("--program", default=ROOT / "build/bin/bench_search")
    args = parser.parse_args()
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((args.vectors // 48 + 1, args.dim), dtype=np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    vectors, queries = (clustered(n, args.dim, rng, centres) for n in (args.vectors, 256 * args.rounds))

    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/vectors.npy", vectors)
        np.save(f"{folder}/queries.npy", queries)
        process = subprocess.Popen([args.program, f"{folder}/vectors.npy", f"{folder}/queries.npy", str(args.k),
                                    *filter(None, [args.kernel])],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process.stdout.readline()
        flat = faiss.IndexFlatIP(args.dim)
        flat.add(vectors)
        sq8 = faiss.IndexRefineFlat(faiss.IndexScalarQuantizer(args.dim, faiss.ScalarQuantizer.QT_8bit,
                                                               faiss.METRIC_INNER_PRODUCT))
        sq8.train(vectors)
        sq8.add(vectors)
        sq8.k_factor = 10
        peers = {"IndexFlatIP": lambda q: flat.search(q, args.k)[1],
                 "SQ8, 10 k re-scored": lambda q: sq8.search(q, args.k)[1]}
        print(f"{args.vectors} x {args.dim}, k {args.k}")
        place = 0  # bench_search walks through the queries the same way
        for batch in 1, 256:
            times, ratios, same = {"shoplens": []}, {}, {}
            memory = [stream(process) for _ in range(3)]  # not within a round: it drives out of the caches what is timed next
            for round_ in range(args.rounds):
                if place + batch > len(queries):
                    place = 0
                part = queries[place : place + batch]
                place += batch
                ms, ids = ours(process, batch, args.k)
                times["shoplens"].append(ms)
                for name, search in peers.items():
                    peer_ms, peer_ids = peer(search, part)
                    times.setdefault(name, []).append(peer_ms)
                    ratios.setdefault(name, []).append(peer_ms / ms)
                    same.setdefault(name, []).append(np.mean(peer_ids == ids))
            memory += [stream(process) for _ in range(3)]
            ours_ms = statistics.median(times["shoplens"])
            print(f"batch {batch}: shoplens {ours_ms:.3f} ms, "
                  f"{args.vectors * (args.dim + 8) / ours_ms * 1e-6:.1f} GB/s of codes; memory, before and after: "
                  f"{statistics.median(m[0] for m in memory):.1f} by one thread, {statistics.median(m[1] for m in memory):.1f} by all")
            for name in peers:
                print(f"  {name}: {statistics.median(times[name]):.3f} ms, {statistics.median(ratios[name]):.2f}x "
                      f"({min(ratios[name]):.2f}-{max(ratios[name]):.2f}), same neighbours {np.mean(same[name]):.5f}")
        process.stdin.close()
        process.wait()


if __name__ == "__main__":
    main()
