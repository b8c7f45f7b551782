#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether shoplens became slower: ratios against something that runs beside it in the same minutes, so that a noisy or another
machine matters little, held against bench/baseline.json. Warns of each that is a tenth worse; `./check --bench` runs it.

  guard.py            needs a build by ./check
  guard.py --record   writes the ratios as the baseline of processors with these instructions

"X / shoplens" (or "of shoplens") is X's time over ours: more is better. The others are a time over what it is held against (that of the parts that
cannot be avoided, that of the network as it is): less is better. Medians of rounds in turn; the network in 8 bits and as it is,
one after the other.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = ROOT / "build" / "bin"
BASELINE = ROOT / "bench" / "baseline.json"
TOLERANCE = 0.10


def instructions():
    """What a baseline is for: kernels differ by these, and so do their ratios."""
    flags = set(re.search(r"^flags\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)[1].split())
    return "avx512_bf16" if "avx512_bf16" in flags else "avx512" if "avx512f" in flags else "avx2"


def run(program, *args):
    done = subprocess.run([BIN / program, *map(str, args)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"guard: {program} failed: {done.stderr.strip()}")
    return done.stdout


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def search(folder, rounds=15):
    """Exact search of 48,000 x 512 against NumPy's matrix product and argpartition on the same float32 vectors."""
    rng = np.random.default_rng(1)
    vectors, queries = (rng.standard_normal((n, 512), dtype=np.float32) for n in (48_000, 257 * rounds))
    for x in vectors, queries:
        x /= np.linalg.norm(x, axis=1, keepdims=True)
    np.save(folder / "vectors.npy", vectors)
    np.save(folder / "queries.npy", queries)
    process = subprocess.Popen([BIN / "bench_search", folder / "vectors.npy", folder / "queries.npy", "5"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()  # "ready"
    found = {}
    for batch in 1, 256:
        ratios = []
        for _ in range(rounds):
            process.stdin.write(f"{batch}\n")
            process.stdin.flush()
            ours = float(process.stdout.readline().split(maxsplit=1)[0]) / 1e3
            ratios.append(seconds(lambda: np.argpartition(queries[:batch] @ vectors.T, -5, axis=1)) / ours)
        found[f"search, {batch} at once: NumPy / shoplens"] = statistics.median(ratios)
    process.stdin.close()
    process.wait()
    return found


def approximate(folder, rounds=7):
    """The approximate index of 100,000 x 512 in clusters, 1024 queries in calls of 256, against the exact one."""
    rng = np.random.default_rng(2)
    centres = rng.standard_normal((2084, 512), dtype=np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    for name, count in ("vectors", 100_000), ("queries", 1024):
        x = centres[rng.integers(len(centres), size=count)] + 0.033 * rng.standard_normal((count, 512), dtype=np.float32)
        np.save(folder / f"{name}.npy", x / np.linalg.norm(x, axis=1, keepdims=True))
    files = folder / "vectors.npy", folder / "queries.npy", folder / "cells"
    run("bench_ann", "build", files[0], files[2], 5)
    commands = ["bench_search", files[0], files[1], "5"], ["bench_ann", "search", files[2], files[1], "5", str(len(os.sched_getaffinity(0)))]
    processes = [subprocess.Popen([BIN / program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                 for program, *words in commands]
    for process in processes:
        process.stdout.readline()
    def asked(process, line):
        process.stdin.write(line)
        process.stdin.flush()
        return float(process.stdout.readline().split(maxsplit=1)[0])
    ratios = []
    for _ in range(rounds):
        exact = sum(asked(processes[0], "256\n") for _ in range(4)) / 1e3
        ratios.append(exact / asked(processes[1], "0 256\n"))
    for process in processes:
        process.stdin.close()
        process.wait()
    return {"search of 100,000, 256 at once: exact / approximate index of shoplens": statistics.median(ratios)}


def resize(rounds=5):
    """To 224 x 224, against Pillow."""
    found = {}
    for width, height, bicubic in (640, 480, 0), (1024, 768, 1):
        picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8))
        filter_ = Image.Resampling.BICUBIC if bicubic else Image.Resampling.BILINEAR
        ratios = []
        for _ in range(rounds):
            name = f"BM_Resize/width:{width}/height:{height}/bicubic:{bicubic}"
            ours = google_benchmark("bench_resize", f"^{name}$", "--benchmark_min_time=0.1")[0]["real_time"] / 1e3
            pillow = min(seconds(lambda: picture.resize((224, 224), filter_)) for _ in range(30))
            ratios.append(pillow / ours)
        found[f"resize, {width}x{height} {'bicubic' if bicubic else 'bilinear'}: Pillow / shoplens"] = statistics.median(ratios)
    return found


def google_benchmark(program, only, *args):
    return json.loads(run(program, f"--benchmark_filter={only}", "--benchmark_format=json", *args))["benchmarks"]


def layers():
    """Of a training step, against LibTorch in the same iterations; the geometric mean of some layers."""
    found = {}
    for program, name, only in (("bench_depthwise", "depthwise convolution", "channels:(144|576)/.*same:0"),
                                ("bench_batch_norm", "batch norm, activation", "."),
                                ("bench_pointwise", "GELU", "Gelu"),
                                ("bench_pointwise", "squeeze-and-excitation", "Gate")):
        ratios = [layer["times_faster"] for layer in google_benchmark(program, only, "--benchmark_min_time=1")]
        found[f"{name}: LibTorch / shoplens"] = statistics.geometric_mean(ratios)
    return found


def photos(folder):
    """predict and embed of a network with random weights on made-up photos, as it is and in 8 bits."""
    pictures = folder / "photos"
    run("shoplens", "demo-photos", "--out", pictures, "--classes", 4, "--train", 8, "--test", 20, "--size", 320)
    run("shoplens", "train", "--data", pictures / "train.csv", "--out", folder / "run", "--epochs", 1, "--warmup-epochs", 0,
        "--img-size", 224)
    model, int8, gallery = folder / "model.onnx", folder / "int8.onnx", folder / "gallery.db"
    run("shoplens", "export", folder / "run", "--out", model)
    run("shoplens", "quantize", model, "--calibrate", pictures / "train.csv", "--want-cosine", 0, "--min-cosine", 0,
        "--max-recall-loss", 100, "--out", int8)  # only its time counts
    run("shoplens", "index", "build", "--gallery", gallery, "--model", model, "--data", pictures / "train.csv")
    files = sorted((pictures / "shelf").rglob("*.jpg"))
    number = lambda pattern, text: float(re.search(pattern, text)[1])
    predict = number(r"([\d.]+)x the network", run("bench_predict", gallery, model, *files))
    embed, small = (run("bench_embed", path, 1, 2, "--", *files) for path in (model, int8))
    share, network = r"their share ([\d.]+)", r"network alone ([\d.]+)"
    found = {"predict, one photo: all / network": predict, "embed: files / network and decoding": number(share, embed),
             "embed: network in 8 bits / as it is": number(network, small) / number(network, embed)}
    return found | startup(gallery, files) | memory(model, files, folder) | draft(gallery, folder)


def startup(gallery, files, rounds=15):
    """A new process, its files in the system's cache and the network compiled before, against Python's."""
    command = lambda *words: lambda: subprocess.run(list(map(str, words)), check=True, capture_output=True)
    pairs = {"--help": (["-c", "pass"], ["--help"]),
             "predict of one photo": (["-c", "import numpy, openvino"], ["predict", "--gallery", gallery, files[0]])}
    found = {}
    for what, (python, ours) in pairs.items():
        command(BIN / "shoplens", *ours)()  # compiles
        ratios = [seconds(command(sys.executable, *python)) / seconds(command(BIN / "shoplens", *ours)) for _ in range(rounds)]
        found[f"{what}: Python's start{', with numpy and openvino' if 'import' in python[1] else ''} / shoplens"] = statistics.median(ratios)
    return found


def memory(model, files, folder):
    """What a list twenty times as long needs more: the photos of the shorter one again, under other names."""
    # By a process of its own: of a child of this one the system also counts what this one had in memory.
    peak_of = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, capture_output=True); "
               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    peaks = []
    for copies in 1, 20:
        links = folder / f"links{copies}"
        links.mkdir()
        for copy in range(copies):
            for i, file in enumerate(files):
                (links / f"{copy}-{i}.jpg").hardlink_to(file)
        embed = [BIN / "shoplens", "embed", "--model", model, "--data", links, "--out", folder / "m.npy"]
        done = subprocess.run([sys.executable, "-c", peak_of, *map(str, embed)], check=True, capture_output=True, text=True)
        peaks.append(int(done.stdout))
    return {"embed: peak memory of 20 times the photos / of the photos": peaks[1] / peaks[0]}


def draft(gallery, folder):
    """Decoding a photo of 12 megapixels for a network that declares it."""
    noise = np.random.default_rng(1).integers(96, 160, (378, 504, 3), np.uint8)
    large = folder / "large.jpg"
    Image.fromarray(noise).resize((4032, 3024), Image.Resampling.BICUBIC).save(large, quality=88)
    decode = []
    for how in "draft", "full":
        model = folder / f"{how}.onnx"
        run("shoplens", "export", folder / "run", "--decode", how, "--out", model)
        if how == "draft":
            run("shoplens", "index", "build", "--gallery", folder / "draft.db", "--model", model, "--data", folder / "photos/train.csv")
        out = run("bench_predict", folder / "draft.db" if how == "draft" else gallery, model, large)
        decode.append(float(re.search(r"decode +([\d.]+)", out)[1]))
    return {"decode of 12 megapixels: draft / full": decode[0] / decode[1]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true")
    record = parser.parse_args().record
    kind = instructions()
    baselines = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        measured = search(pathlib.Path(folder)) | approximate(pathlib.Path(folder)) | resize() | layers() | photos(pathlib.Path(folder))
    if record:
        baselines[kind] = {name: round(ratio, 3) for name, ratio in measured.items()}
        BASELINE.write_text(json.dumps(baselines, indent=2) + "\n")
    baseline = baselines.get(kind, {})
    worse = 0
    print(f"{'ratio':>8} {'baseline':>8}   ({kind})")
    for name, ratio in measured.items():
        before = baseline.get(name)
        more_is_better = name.endswith("shoplens")
        loss = 0 if before is None else (before / ratio if more_is_better else ratio / before) - 1
        worse += loss > TOLERANCE
        warning = "   WARNING: no baseline yet" if before is None else f"   WARNING: {loss:.0%} worse" if loss > TOLERANCE else ""
        print(f"{ratio:8.2f} {before or float('nan'):8.2f}   {name}{warning}")
    if not baseline:
        print(f"bench/baseline.json has nothing for {kind}: guard.py --record on a quiet machine")
    elif worse:
        print(f"{worse} of {len(measured)} are more than {TOLERANCE:.0%} worse; run it again on a quiet machine before you believe it")


if __name__ == "__main__":
    main()
