#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Approximate search of shoplens (bench_ann) against Faiss, hnswlib and usearch on the same vectors. In steps, as an index can
take long to build:

  ann.py make --vectors 1000000           vectors, queries and the true neighbours into --folder, in pieces: any number fits
  ann.py make --embeddings A.npy B.npy    the same of embeddings: the vectors, and at most 1000 queries
  ann.py views CSV --copies 16            further views of real photos into --folder, to be embedded for that
  ann.py moved                            why the queries by which an index chooses its cells are moved
  ann.py build NAME                       one index: shoplens ivf sq8 sq8r hnsw hnsw8 hnsw8r hnswlib usearch usearch8; says seconds, CPU
                                          seconds and peak MiB (with what was read of mapped files)
  ann.py search --threads 1 [NAME ...]    those that were built, in turn: recall, queries/s and MiB of each setting

The vectors are shaped as embeddings are: families of about 12 products, 48 photos a product about its centre, some products
tight and some loose, most of the variance in few directions. The queries are further photos of the same products. An r behind
a name: its 20 best are scored again from the vectors' file.
"""
import argparse
import csv
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import faiss
import numpy as np
from faiss.contrib.clustering import two_level_clustering

ROOT = pathlib.Path(__file__).resolve().parents[2]
PIECE = 100_000
K = 5
SETTINGS = {"shoplens": (1, 2, 4, 8, 16, 32, 64, 0), "ivf": (1, 2, 4, 8, 16, 32, 64), "sq8": (1, 2, 4, 8, 16, 32, 64),
            "sq8r": (1, 2, 4, 8, 16, 32, 64),
            **dict.fromkeys(("hnsw", "hnsw8", "hnsw8r", "hnswlib", "usearch", "usearch8"), (16, 32, 64, 128, 256))}


class Products:
    """Draws photos; draw(n, key) gives the same for the same key."""

    def __init__(self, count, dim):
        rng = np.random.default_rng(1)
        products = count // 48 + 1
        wide, flat = ((np.arange(dim) + 8.0) ** -power for power in (0.5, 0.25))
        self.wide, self.flat = ((s / np.linalg.norm(s)).astype(np.float32) for s in (wide, flat))
        families = self.normal(rng, products // 12 + 1, dim) * self.wide
        self.centres = families[rng.integers(len(families), size=products)]
        self.centres += 0.7 * self.normal(rng, products, dim) * self.wide
        self.centres /= np.linalg.norm(self.centres, axis=1, keepdims=True)
        self.spread = np.exp(rng.normal(np.log(0.8), 0.35, products)).astype(np.float32)
        self.turn = np.linalg.qr(rng.standard_normal((dim, dim)))[0].astype(np.float32)

    @staticmethod
    def normal(rng, rows, dim):
        return rng.standard_normal((rows, dim), dtype=np.float32)

    def draw(self, count, key):
        rng = np.random.default_rng([2, key])
        which = rng.integers(len(self.centres), size=count)
        x = self.normal(rng, count, len(self.turn)) * self.flat * self.spread[which, None] + self.centres[which]
        return (x / np.linalg.norm(x, axis=1, keepdims=True)) @ self.turn


class Embeddings:
    """The same of two files; the queries are spread over theirs."""

    def __init__(self, vectors, queries):
        self.vectors, self.queries = (np.load(file, mmap_mode="r") for file in (vectors, queries))

    def draw(self, count, key):
        if key < 1 << 30:
            return np.ascontiguousarray(self.vectors[key : key + count])
        return self.queries[:: max(1, len(self.queries) // count)][:count]


def make(args):
    args.folder.mkdir(parents=True, exist_ok=True)
    source = Embeddings(*args.embeddings) if args.embeddings else Products(args.vectors, args.dim)
    if args.embeddings:
        args.vectors, args.dim = source.vectors.shape
    queries = source.draw(1000, 1 << 30)
    vectors = np.lib.format.open_memmap(args.folder / "vectors.npy", "w+", np.float32, (args.vectors, args.dim))
    best = np.full((len(queries), 0), -1, np.int64), np.zeros((len(queries), 0), np.float32)
    for first in range(0, args.vectors, PIECE):
        piece = source.draw(min(PIECE, args.vectors - first), first)
        vectors[first : first + len(piece)] = piece
        flat = faiss.IndexFlatIP(args.dim)
        flat.add(piece)
        scores, ids = flat.search(queries, K)
        ids, scores = np.hstack([best[0], ids + first]), np.hstack([best[1], scores])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :K]
        best = np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1)
    vectors.flush()
    np.save(args.folder / "queries.npy", queries)
    np.save(args.folder / "truth.npy", best[0])
    print(f"{args.vectors} x {args.dim}; cosine of the nearest, the fifth (10th, 50th, 90th percentile):",
          *(np.percentile(best[1][:, i], (10, 50, 90)).round(2) for i in (0, K - 1)))


def views(args):
    """Each photo as it is and `copies` times cropped, mirrored, turned and lit otherwise, as further photos of it may be."""
    from PIL import Image, ImageEnhance
    args.folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(3)
    rows = list(csv.DictReader(open(args.data, newline="")))
    for i, row in enumerate(rows):
        photo = Image.open(pathlib.Path(args.data).parent / row["path"]).convert("RGB")
        for copy in range(args.copies + 1):
            view = photo
            if copy:
                if rng.random() < 0.5:
                    view = view.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
                view = view.rotate(rng.uniform(-15, 15), Image.Resampling.BILINEAR)
                width, height = (int(side * rng.uniform(0.6, 0.9)) for side in view.size)
                x, y = (int(rng.uniform(0, a - b)) for a, b in zip(view.size, (width, height)))
                view = view.crop((x, y, x + width, y + height))
                for enhance in ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color:
                    view = enhance(view).enhance(rng.uniform(0.7, 1.3))
            view.save(args.folder / f"{i:05}-{copy:02}.jpg", quality=90)
    print(f"{len(rows) * (args.copies + 1)} views in {args.folder}")


def moved(args):
    """How many cells queries made up from the vectors take for a recall of .99, and what is in so many of the neighbours of
    the queries of --folder: vectors moved to a cosine along the difference of two others (src/index/unseen_queries.h)."""
    rng = np.random.default_rng(0)
    vectors, queries = (np.load(args.folder / f"{name}.npy") for name in ("vectors", "queries"))
    n, dim = vectors.shape
    cells = max(int(4 * n**0.5), n // 256)
    means = faiss.Kmeans(dim, cells, niter=8, spherical=True, max_points_per_centroid=64)
    means.train(vectors[rng.permutation(n)[: 64 * cells]])
    coarse, flat = faiss.IndexFlatIP(dim), faiss.IndexFlatIP(dim)
    coarse.add(means.centroids), flat.add(vectors)
    cell_of = coarse.search(vectors, 1)[1][:, 0]

    def ranks(queries, own=None):
        """The place of each neighbour's cell among all, ascending."""
        ids, order = flat.search(queries, 11)[1], coarse.search(queries, cells)[1]
        place = np.empty_like(order)
        np.put_along_axis(place, order, np.arange(cells)[None].repeat(len(order), 0), 1)
        near = [[j for j in row if own is None or j != own[i]][:10] for i, row in enumerate(ids)]
        return np.sort(np.take_along_axis(place, cell_of[np.array(near)], 1).ravel())

    real, own = ranks(queries), rng.permutation(n)[:500]
    v, away = vectors[own], vectors[rng.integers(n, size=500)] - vectors[rng.integers(n, size=500)]
    away -= (away * v).sum(1, keepdims=True) * v
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    for cosine in 1, 0.9, 0.8, 0.7, 0.65, 0.6:
        found = ranks(v, own) if cosine == 1 else ranks((cosine * v + (1 - cosine**2) ** 0.5 * away).astype(np.float32))
        probes = int(found[int(np.ceil(0.99 * len(found))) - 1]) + 1
        print(f"cosine {cosine}: {probes} of {cells} cells, recall@10 of the queries {(real < probes).mean():.4f}")


def status_mib(pid, *names):
    lines = dict(line.split(":") for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return sum(int(lines[name].split()[0]) for name in names) / 1024


class Engine:
    construction = 100  # of a graph: how many it looks at when a vector is added


class Faiss(Engine):
    def __init__(self, name):
        self.name = name

    def begin(self, vectors):
        n, dim = vectors.shape
        if self.name.startswith("hnsw"):
            self.index = faiss.index_factory(dim, "HNSW16,Flat" if self.name == "hnsw" else "HNSW16_SQ8", faiss.METRIC_INNER_PRODUCT)
            self.index.hnsw.efConstruction = self.construction
            self.index.train(vectors[:: max(1, n // PIECE)])  # of 8 bits, what each component's range is
            return
        # As many cells as shoplens has; of so many that a search would mostly compare centroids, these are found by a graph.
        cells = max(int(4 * n**0.5), n // 256)
        graph = "_HNSW32" if cells > 20_000 else ""
        kind = "Flat" if self.name == "ivf" else "SQ8"
        self.index = faiss.index_factory(dim, f"IVF{cells}{graph},{kind}", faiss.METRIC_INNER_PRODUCT)
        self.index.cp.niter = 8
        most = 20 if graph else 39  # a cell, to learn from
        self.index.cp.max_points_per_centroid, self.index.cp.min_points_per_centroid = most, 1
        rows = np.sort(np.random.default_rng(0).choice(n, min(n, most * cells), replace=False))
        sample = vectors[rows]
        if graph:  # in one level it takes longer than all the rest
            centroids, _ = two_level_clustering(sample, int(cells**0.5), cells, clustering_niter=8, spherical=True,
                                                min_points_per_centroid=1)
            found_by = faiss.downcast_index(self.index.quantizer).hnsw
            found_by.efConstruction, found_by.efSearch = self.construction, 64
            self.index.quantizer.add(centroids)
        self.index.train(sample)

    def add(self, first, piece):
        self.index.add(piece)

    def save(self, path):
        faiss.write_index(self.index, str(path))

    def load(self, path, shape, threads):
        faiss.omp_set_num_threads(threads)
        self.index = faiss.read_index(str(path))

    def search(self, queries, setting):
        self.set(setting)
        return self.index.search(queries, K)[1]

    def set(self, setting):
        if self.name.startswith("hnsw"):
            self.index.hnsw.efSearch = setting
            return
        self.index.nprobe = setting
        graph = faiss.downcast_index(self.index.quantizer)
        if hasattr(graph, "hnsw"):
            graph.hnsw.efSearch = max(64, 2 * setting)


class Rescored(Faiss):
    """The 20 best by 8 bits scored by the mapped vectors."""

    def load(self, path, shape, threads):
        super().load(path, shape, threads)
        self.vectors = np.load(path.parent / "vectors.npy", mmap_mode="r")

    def search(self, queries, setting):
        self.set(setting)
        ids = self.index.search(queries, 4 * K)[1]
        scores = np.einsum("nkd,nd->nk", self.vectors[np.maximum(ids, 0)], queries)
        scores[ids < 0] = -np.inf
        return np.take_along_axis(ids, np.argsort(-scores, axis=1, kind="stable")[:, :K], 1)


class Hnswlib(Engine):
    def begin(self, vectors):
        import hnswlib
        self.index, self.threads = hnswlib.Index("ip", vectors.shape[1]), os.cpu_count()
        self.index.init_index(len(vectors), M=16, ef_construction=self.construction)

    def add(self, first, piece):
        self.index.add_items(piece, np.arange(first, first + len(piece)), num_threads=self.threads)

    def save(self, path):
        self.index.save_index(str(path))

    def load(self, path, shape, threads):
        import hnswlib
        self.index, self.threads = hnswlib.Index("ip", shape[1]), threads
        self.index.load_index(str(path), max_elements=shape[0])

    def search(self, queries, setting):
        self.index.set_ef(setting)
        return self.index.knn_query(queries, K, num_threads=self.threads)[0]


class Usearch(Engine):
    """In 8 bits it is given codes, as its own would use a sixth of their range: six deviations of a component are 127."""

    def __init__(self, dtype):
        self.dtype = dtype

    def new(self, dim, threads):
        from usearch.index import Index
        self.index, self.threads = Index(ndim=dim, metric="ip", dtype=self.dtype, connectivity=16,
                                          expansion_add=self.construction), threads

    def codes(self, x):
        return x if self.dtype == "f32" else np.clip(np.rint(x * (127 * x.shape[1] ** 0.5 / 6)), -127, 127).astype(np.int8)

    def begin(self, vectors):
        self.new(vectors.shape[1], os.cpu_count())

    def add(self, first, piece):
        self.index.add(np.arange(first, first + len(piece)), self.codes(piece), threads=self.threads)

    def save(self, path):
        self.index.save(str(path))

    def load(self, path, shape, threads):
        self.new(shape[1], threads)
        self.index.load(str(path))

    def search(self, queries, setting):
        self.index.expansion_search = setting
        return self.index.search(self.codes(queries), K, threads=self.threads).keys


def peer(name):
    if name.endswith("r"):
        return Rescored(name[:-1])
    peers = {"hnswlib": Hnswlib, "usearch": lambda: Usearch("f32"), "usearch8": lambda: Usearch("i8")}
    return peers.get(name, lambda: Faiss(name))()


def build_ours(args, path):
    start = time.perf_counter()
    process = subprocess.Popen([args.program, "build", args.folder / "vectors.npy", path, str(K)])
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return {"seconds": time.perf_counter() - start, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss / 1024}


def build_peer(args, path, before):
    """Goes on from `before`; stops after a piece when --seconds are over."""
    vectors = np.load(args.folder / "vectors.npy", mmap_mode="r")
    engine, done = peer(args.name), before["vectors"]
    engine.construction = args.construction
    if done:
        engine.load(path, vectors.shape, os.cpu_count())
    start, start_cpu = time.perf_counter(), time.process_time()
    if not done:
        engine.begin(vectors)
    for first in range(done, len(vectors), PIECE):
        engine.add(first, np.ascontiguousarray(vectors[first : first + PIECE]))
        done = min(first + PIECE, len(vectors))
        if time.perf_counter() - start > args.seconds:
            break
    seconds, cpu = before["seconds"] + time.perf_counter() - start, before["cpu"] + time.process_time() - start_cpu
    engine.save(path)
    return {"seconds": seconds, "cpu": cpu, "peak": status_mib("self", "VmHWM"), "vectors": done}


def build(args):
    path, state = args.folder / f"{args.name}.index", args.folder / f"{args.name}.json"
    before = json.loads(state.read_text()) if args.more else {"vectors": 0, "seconds": 0, "cpu": 0}
    built = build_ours(args, path) if args.name == "shoplens" else build_peer(args, path, before)
    state.write_text(json.dumps(built))
    print(f"{args.name}: {json.dumps(built)}")


def answer(args):
    """Answers lines `SETTING BATCH` on stdin as bench_ann does."""
    queries, shape = np.load(args.folder / "queries.npy"), np.load(args.folder / "vectors.npy", mmap_mode="r").shape
    engine = peer(args.name)
    engine.load(args.folder / f"{args.name}.index", shape, args.threads)
    print("ready", flush=True)
    for line in sys.stdin:
        setting, batch = map(int, line.split())
        start = time.perf_counter()
        ids = [engine.search(queries[first : first + batch], setting) for first in range(0, len(queries), batch)]
        print(time.perf_counter() - start, *np.vstack(ids).ravel(), flush=True)


def search(args):
    names = args.names or [name for name in SETTINGS if (args.folder / f"{name}.json").exists()]
    truth = np.load(args.folder / "truth.npy")
    engines = {}
    for name in names:
        command = [sys.executable, __file__, "answer", name, "--folder", args.folder, "--threads", str(args.threads)]
        if name == "shoplens":
            command = [args.program, "search", args.folder / "shoplens.index", args.folder / "queries.npy", str(K),
                       str(args.threads)]
        start = time.perf_counter()
        engines[name] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        print(f"{name}: {engines[name].stdout.readline().strip()}, opened in {time.perf_counter() - start:.1f} s")
    times, recalls = {}, {}
    for _ in range(args.rounds):
        for name, process in engines.items():
            for batch in args.batch:
                for setting in SETTINGS[name]:
                    process.stdin.write(f"{setting} {batch}\n")
                    process.stdin.flush()
                    seconds, *ids = process.stdout.readline().split()
                    found = np.array(ids, np.int64).reshape(truth.shape)
                    times.setdefault((name, setting, batch), []).append(float(seconds))
                    recalls[name, setting] = np.mean([len(set(a) & set(b)) / K for a, b in zip(found, truth)])
    print(f"{args.threads} threads, medians of {args.rounds} rounds in turn; queries/s in batches of {args.batch}")
    for name, process in engines.items():
        built = json.loads((args.folder / f"{name}.json").read_text())
        print(f"{name}: built in {built['seconds']:.0f} s, {built['cpu']:.0f} of CPU; {status_mib(process.pid, 'RssAnon'):.0f} MiB, "
              f"and {status_mib(process.pid, 'RssFile', 'RssShmem'):.0f} of files")
        for setting in SETTINGS[name]:
            speeds = (len(truth) / statistics.median(times[name, setting, batch]) for batch in args.batch)
            print(f"  {setting or 'chosen':>8} recall@{K} {recalls[name, setting]:.4f}", *(f"{speed:9.0f}" for speed in speeds))
        process.stdin.close()
        process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in make, views, moved, build, answer, search:
        sub = verbs.add_parser(verb.__name__)
        sub.set_defaults(run=verb)
        sub.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("ann"))
        sub.add_argument("--program", default=ROOT / "build/bin/bench_ann")
        if verb is make:
            sub.add_argument("--vectors", type=int, default=1_000_000)
            sub.add_argument("--dim", type=int, default=512)
            sub.add_argument("--embeddings", nargs=2, type=pathlib.Path, metavar="NPY")
        if verb is views:
            sub.add_argument("data")
            sub.add_argument("--copies", type=int, default=16)
        if verb in (build, answer):
            sub.add_argument("name", choices=SETTINGS)
        if verb is build:
            sub.add_argument("--seconds", type=float, default=float("inf"), help="stop then; --more goes on")
            sub.add_argument("--more", action="store_true")
            sub.add_argument("--construction", type=int, default=100, help="a graph's ef_construction")
        if verb is search:
            sub.add_argument("names", nargs="*")
            sub.add_argument("--rounds", type=int, default=3)
            sub.add_argument("--batch", type=int, nargs="+", default=[1000], help="queries in a call; more than one: in turn")
        sub.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
