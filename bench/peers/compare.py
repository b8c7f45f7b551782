#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""shoplens against the Python pipeline of pipeline.py on this machine: the two in turn, several rounds, medians and the
ratio round by round. Prints images/s and peak memory of training and of `embed`, from the same photos and weights.

  compare.py --data ../shared/data/grocery/train.csv --rounds 3

Both compute in bfloat16 where the processor has instructions for it, and in float32 where it has none (--amp auto); the job
int8 is `embed` in 8 bits against the peer's `embed`.
"""
import argparse
import csv
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = [sys.executable, str(ROOT / "bench/peers/pipeline.py")]


def run(command):
    """Output of a command, and the largest resident set of it and its children's, MiB."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        out.seek(0), errors.seek(0)
        if status:
            sys.exit(f"failed: {' '.join(map(str, command))}\n{errors.read()[-2000:]}")
        return out.read(), usage.ru_maxrss / 1024


def widest_type():
    """What shoplens takes by itself."""
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    return "bf16" if "avx512_bf16" in flags or "amx_bf16" in flags else "fp32"


def peer(job, amp, *words):
    result = json.loads(run([*PYTHON, job, "--amp", amp, *words])[0])
    # The workers copy little of the parent, but each holds its own interpreter and photos.
    return result["images_per_second"], result["peak_mib"]


def subset(data, count, folder, spread=True):
    """`count` rows of the list, of all of it or the first; where it has fewer, links to its photos make up for them."""
    rows = [(pathlib.Path(data).resolve().parent / row["path"], row["label"]) for row in csv.DictReader(open(data, newline=""))]
    rows = rows[:: max(1, len(rows) // count) if spread else 1][:count]
    for i in range(count - len(rows)):
        link = folder / f"again{i}{rows[i][0].suffix}"
        if not link.exists():
            link.symlink_to(rows[i][0])
        rows.append((link, rows[i][1]))
    path = folder / f"subset{count}.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label"])
        writer.writerows(rows)
    return path


def our_training(shoplens, amp, data, arch, size, weights, folder, round_, *words):
    out = folder / f"run-{arch}-{round_}"
    # The first epoch decodes and warms up; the second is what every later one is like.
    _, peak = run([shoplens, "train", "--data", data, "--arch", arch, "--weights", weights, "--img-size", size,
                   "--amp", amp, "--epochs", 2, "--out", out, *words])
    shutil.rmtree(out / "last")
    rows = list(csv.DictReader(open(out / "summary.csv", newline="")))
    return float(rows[1]["images_per_second"]), peak


def our_embedding(shoplens, amp, data, model, folder):
    text, peak = run([shoplens, "embed", "--model", model, "--data", data, "--precision", "bf16" if amp == "bf16" else "f32",
                      "--out", folder / "e.npy", "--json"])
    result = json.loads(text)
    return result["photos"] / result["seconds"], peak


def random_weights(arch, folder):
    """timm's weights of a seed: neither side needs more for timing."""
    path = folder / f"{arch}.safetensors"
    code = ("import sys; sys.path.insert(0, sys.argv[1]); import timm_on_cpu, timm, torch; from safetensors.torch "
            "import save_file; torch.manual_seed(0); save_file(timm.create_model(sys.argv[2]).state_dict(), sys.argv[3])")
    subprocess.run([sys.executable, "-c", code, str(ROOT / "tools"), arch, str(path)], check=True)
    return path


def report(what, ours, theirs):
    ratios = [a[0] / b[0] for a, b in zip(ours, theirs)]
    median = lambda rows, i: statistics.median(row[i] for row in rows)
    print(f"{what:34} {median(ours, 0):8.1f} {median(theirs, 0):8.1f}   x{statistics.median(ratios):.2f} "
          f"({min(ratios):.2f}-{max(ratios):.2f})   {median(ours, 1):6.0f} {median(theirs, 1):6.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--train-photos", type=int, default=640, help="at least four batches: the peer is timed after five")
    parser.add_argument("--batch-size", type=int, default=32, help="of training")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="of training")
    parser.add_argument("--cudnn-benchmark", default="on", choices=["on", "off"], help="of both, on cuda")
    parser.add_argument("--workers", type=int, default=2, help="of the peer's DataLoader in training")
    parser.add_argument("--embed-photos", type=int, default=1280)
    parser.add_argument("--decode", default="full", choices=["full", "draft"], help="of embed, of both")
    parser.add_argument("--jobs", default="train,embed", help="of train, embed, int8")
    parser.add_argument("--amp", default="auto", choices=["auto", "bf16", "fp32"])
    parser.add_argument("--archs", default="mobilenetv2_100:224,efficientnet_b1:240")
    parser.add_argument("--shoplens", default=str(ROOT / "build/bin/shoplens"))
    o = parser.parse_args()
    if o.amp == "auto":
        o.amp = widest_type()
    print(f"{o.amp:34} {'shoplens':>8} {'Python':>8}   ratio (range)      peak MiB: shoplens, Python (without its workers)")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for arch, size in (item.split(":") for item in o.archs.split(",")):
            weights = random_weights(arch, folder)
            if "train" in o.jobs.split(","):
                data, ours, theirs = subset(o.data, o.train_photos, folder), [], []
                whole = subset(o.data, 2 * o.train_photos, folder)  # its workers begin anew with each epoch: it is timed within one
                both = ["--device", o.device, "--batch-size", o.batch_size, "--cudnn-benchmark", o.cudnn_benchmark]
                eager = []
                for round_ in range(o.rounds):
                    ours.append(our_training(o.shoplens, o.amp, data, arch, size, weights, folder, round_, *both))
                    if o.device == "cuda":
                        eager.append(our_training(o.shoplens, o.amp, data, arch, size, weights, folder, f"eager-{round_}", *both,
                                                  "--cuda-graphs", "off"))
                    theirs.append(peer("train", o.amp, "--data", whole, "--arch", arch, "--weights", weights, "--img-size", size,
                                       "--steps", 2 * (o.train_photos // o.batch_size), "--epochs", 1, "--workers", o.workers, *both))
                report(f"train {arch}@{size}, images/s", ours, theirs)
                if eager:
                    report("with --cuda-graphs off", eager, theirs)
            embedding = {"embed", "int8"} & set(o.jobs.split(","))
            if embedding:
                models = {"embed": folder / f"{arch}.onnx", "int8": folder / f"{arch}.int8.onnx"}
                run([o.shoplens, "import", "--arch", arch, "--weights", weights, "--img-size", size, "--fit", "squash",
                     "--interpolation", "bilinear", "--decode", o.decode, "--out", models["embed"]])
                if "int8" in embedding:  # weights of chance answer nothing right, in whatever type: only the time counts
                    run([o.shoplens, "quantize", models["embed"], "--calibrate", subset(o.data, 64, folder, spread=False), "--range-photos", 32,
                         "--want-cosine", 0, "--min-cosine", 0, "--max-recall-loss", 100, "--out", models["int8"]])
                data, rows = subset(o.data, o.embed_photos, folder), {"peer": []}
                for _ in range(o.rounds):
                    for job in sorted(embedding):
                        amp = "fp32" if job == "int8" else o.amp
                        rows.setdefault(job, []).append(our_embedding(o.shoplens, amp, data, models[job], folder))
                    rows["peer"].append(peer("embed", o.amp, "--data", data, "--arch", arch, "--weights", weights,
                                             "--img-size", size, "--decode", o.decode))
                for job in sorted(embedding):
                    report(f"{job} {arch}@{size}, photos/s", rows[job], rows["peer"])


main()
