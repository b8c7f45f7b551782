#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How well strangers are told apart: half of the labels in the gallery, the other half as strangers, several random
halves. A half's gallery is calibrated on its own validation photos (strangers being products left out) and asked about
all test photos.

    bench/open_set.py --model grocery.onnx --data ../shared/data/grocery [--calibrate false-accept-rate .01]"""
import argparse
import csv
import json
import pathlib
import random
import statistics
import subprocess
import tempfile

COLUMNS = [("AUROC", "auroc"), ("of the cosine", "cosine_auroc"), ("FPR at 95% TPR", "fpr_at_95_tpr"),
           ("false accepts", "false_accepts"), ("false rejects", "false_rejects"), ("names right", "accepted_right"),
           ("calibration error", "calibration_error")]


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def write_part(rows, labels, folder, path):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label"])
        writer.writerows([(folder / row["path"]).resolve(), row["label"]] for row in rows if row["label"] in labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs="+", required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with train.csv, val.csv and test.csv")
    parser.add_argument("--halves", type=int, default=5)
    parser.add_argument("--tta", default="none")
    parser.add_argument("--calibrate", nargs="*", default=[], help="further words for `shoplens calibrate`, without --")
    parser.add_argument("--shoplens", default="build/bin/shoplens")
    o = parser.parse_args()
    shoplens = lambda *words: subprocess.run([o.shoplens, *map(str, words)], check=True, capture_output=True, text=True).stdout
    models = [word for model in o.model for word in ("--model", model)]
    labels = sorted({row["label"] for row in rows_of(o.data / "train.csv")})
    found = []
    print("| half | " + " | ".join(name for name, _ in COLUMNS) + " | cosine above 0.5: false accepts, rejects |")
    print("|---" * (len(COLUMNS) + 2) + "|")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for half in range(o.halves):
            ours = set(random.Random(half).sample(labels, len(labels) // 2))
            for split in ("train", "val", "test"):
                write_part(rows_of(o.data / f"{split}.csv"), ours if split != "test" else set(labels), o.data,
                           folder / f"{split}.csv")
            gallery = folder / "g.db"
            shoplens("index", "build", "--gallery", gallery, *models, "--tta", o.tta, "--data", folder / "train.csv", "--force")
            extra = [("--" if i % 2 == 0 else "") + word for i, word in enumerate(o.calibrate)]
            shoplens("calibrate", "--gallery", gallery, "--data", folder / "val.csv", *extra)
            r = json.loads(shoplens("eval", "--gallery", gallery, "--data", folder / "test.csv", "--json"))["open_set"]
            values = [r[key] for _, key in COLUMNS] + [r["fixed_0.5"]["false_accepts"], r["fixed_0.5"]["false_rejects"]]
            found.append(values)
            print_row(half + 1, values)
    print_row("mean", [statistics.mean(column) for column in zip(*found)])


def print_row(name, values):
    cells = [f"{100 * v:.1f}" for v in values]
    print(f"| {name} | " + " | ".join(cells[:-2]) + f" | {cells[-2]}, {cells[-1]} |", flush=True)


if __name__ == "__main__":
    main()
