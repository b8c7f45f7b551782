#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The contest in small, from nothing to the table of docs/results.md section 7: photos are drawn, two architectures trained on
five folds each, and a student; each way to answer is asked for the products of photos on shelves, none of which chose anything.

  contest.py --out contest --mobilenet WEIGHTS --efficientnet WEIGHTS
  contest.py --out contest --mobilenet WEIGHTS --parts     what each loss and each part of the training gives

A folder that is there already goes on where it stopped. Milliseconds are those of `embed` from files, on all cores.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDS, SEED = 5, 42
ARCFACE = ("--scale", 45, "--margin", 0.4)  # the winner's
# Each on its own in place of what recipes/grocery.toml has, with its usual constants; pairs want 8 products of 4 photos a batch.
PAIRS = ("--m-per-class", 4)
PARTS = {
    "ArcFace, s 30, m 0.3": (),
    "ArcFace, s 45, m 0.4": ARCFACE,
    "ArcFace, s 16, m 0.3": ("--scale", 16),
    "CosFace": ("--head", "cosface"),
    "AdaFace": ("--head", "adaface"),
    "ArcFace of 3 sub-centres": ("--subcenters", 3),
    "Partial FC, a tenth of the products a step": ("--sample-rate", 0.1),
    "softmax": ("--head", "softmax"),
    "softmax, smoothing 0.1": ("--head", "softmax", "--smoothing", 0.1),
    "triplet": ("--head", "triplet", *PAIRS),
    "multi-similarity": ("--head", "multi-similarity", *PAIRS),
    "ArcFace, 4 photos a product": PAIRS,
    "without EMA": ("--model-ema-decay", 0),
    "TrivialAugment": ("--trivial-augment", 1),
    "mixup 0.2": ("--mixup", 0.2),
    "without cutout": ("--cutout", 0),
    "AGC 0.01": ("--clip-grad", 0.01, "--clip-mode", "agc"),
}


class Contest:
    def __init__(self, o):
        self.o, self.train_csv, self.test_csv = o, o.out / "set/train.csv", o.out / "set/test.csv"

    def run(self, *words):
        """Output of a command of shoplens."""
        done = subprocess.run([self.o.shoplens, *map(str, words)], stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"failed: shoplens {' '.join(map(str, words))}")
        return done.stdout

    def train(self, name, *words, epochs, folds=("--folds", FOLDS), classes=True):
        """Files of the networks, exported, with their classes unless they have none."""
        out = self.o.out / name
        resume = ["--resume"] if (out / "config.toml").exists() else []
        self.run("train", "--config", ROOT / "recipes/grocery.toml", "--img-size", 96, "--epochs", epochs, "--val-interval",
                 epochs, "--data", self.train_csv, *folds, "--out", out, *resume, *words)
        models = []
        for run in sorted(out.glob("fold-*")) or [out]:
            models.append(self.o.out / f"{name}-{run.name}.onnx")
            self.run("export", run, *["--classes"] * classes, "--out", models[-1])
        return models

    def gallery(self, name, models, tta="none", pipeline=""):
        """A gallery of the training photos that answers as `pipeline` says, in TOML (docs/formats.md)."""
        path = self.o.out / f"{name}.db"
        words = [word for model in models for word in ("--model", model)]
        if pipeline:
            text = pipeline + "".join(f"\n[[model]]\npath = '{model.resolve()}'\n" for model in models)
            path.with_suffix(".toml").write_text(text)
            words = ["--pipeline", path.with_suffix(".toml")]
        if tta != "none":
            words += ["--tta", tta]
        self.run("index", "build", "--gallery", path, "--data", self.train_csv, "--force", *words)
        return path

    def evaluate(self, gallery, *words):
        return json.loads(self.run("eval", "--gallery", gallery, "--data", self.test_csv, "--json", *words))

    def row(self, what, gallery, models, *words):
        found = self.evaluate(gallery, *words)
        timed = json.loads(self.run("embed", "--data", self.test_csv, "--out", self.o.out / "timed.npy", "--json", *words,
                                    *(word for model in models for word in ("--model", model))))
        size = sum(model.stat().st_size for model in models) / 1e6
        percent = [100 * found[key] for key in ("recall_at_1", "accuracy", "recall_at_5", "map")]
        print(f"| {what} | {percent[0]:.1f} ({percent[1]:.1f}) | {percent[2]:.1f} | {percent[3]:.1f} | "
              f"{1e3 * timed['seconds'] / timed['photos']:.1f} | {size:.1f} |", flush=True)


def parts(contest, weights):
    """The table of one network of all photos for each of PARTS: R@1 with its 95% interval (Wilson), R@5, mAP."""
    print("| | test R@1 | R@5 | mAP |\n|---|---|---|---|")
    for name, words in PARTS.items():
        if contest.o.only and name not in contest.o.only:
            continue
        folder = "part-" + re.sub("[^a-z0-9]+", "-", name.lower()) + (f"-{contest.o.seed}" if contest.o.seed != SEED else "")
        words = (*weights, *words, "--seed", contest.o.seed)
        found = contest.evaluate(contest.gallery(folder, contest.train(folder, *words, epochs=6, folds=(), classes=False)))
        n, p, z = found["queries"], found["recall_at_1"], 1.96
        middle, half = (p + z * z / 2 / n) / (1 + z * z / n), z * (p * (1 - p) / n + z * z / 4 / n / n) ** 0.5 / (1 + z * z / n)
        print(f"| {name} | {100 * p:.1f} ({100 * (middle - half):.1f}-{100 * (middle + half):.1f}) | {100 * found['recall_at_5']:.1f} | "
              f"{100 * found['map']:.1f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("contest"))
    parser.add_argument("--mobilenet", required=True, help="ImageNet weights of mobilenetv2_100")
    parser.add_argument("--efficientnet", help="of efficientnet_b4")
    parser.add_argument("--parts", action="store_true")
    parser.add_argument("--only", nargs="*", choices=PARTS, help="of the parts")
    parser.add_argument("--seed", type=int, default=SEED, help="of the parts' trainings")
    parser.add_argument("--classes", type=int, default=40)
    parser.add_argument("--shoplens", default=str(ROOT / "build/bin/shoplens"))
    o = parser.parse_args()
    if bool(o.efficientnet) == o.parts:
        parser.error("want --efficientnet or --parts")
    o.out.mkdir(parents=True, exist_ok=True)
    contest = Contest(o)
    if not contest.test_csv.exists():
        contest.run("demo-photos", "--out", o.out / "set", "--classes", o.classes, "--train", 48, "--val", 4, "--test", 72,
                    "--size", 128, "--seed", 7)
    weights = ("--weights", o.mobilenet)
    if o.parts:
        return parts(contest, weights)
    softmax = contest.train("softmax", *weights, "--head", "softmax", epochs=6, folds=("--folds", FOLDS, "--fold", 0))
    mobile = contest.train("mobile", *weights, *ARCFACE, epochs=6)
    efficient = contest.train("efficient", "--arch", "efficientnet_b4", "--weights", o.efficientnet, *ARCFACE, "--drop-path",
                              0.2, epochs=4)
    ten = mobile + efficient
    whole = contest.train("whole", *weights, *ARCFACE, epochs=6, folds=())  # as the student, which sees what the folds see together

    print("| | test R@1 (accuracy of the vote) | R@5 | mAP | ms a photo | MB |\n|---|---|---|---|---|---|")
    # All photos vote with their product's class score alone: the class of the highest wins.
    classes = f"[decide]\nvote = 'classes'\nk = {48 * o.classes}\ncosine_power = 0.0\nclass_power = 1.0"
    contest.row("softmax head, mobilenetv2_100, its classes", contest.gallery("classes", softmax, pipeline=classes), softmax)
    contest.row("the same network, retrieval", contest.gallery("softmax", softmax), softmax)
    one = contest.gallery("one", mobile[:1])
    contest.row("ArcFace, mobilenetv2_100, one fold", one, mobile[:1])
    contest.row("the same, flip TTA", contest.gallery("flipped", mobile[:1], tta="hflip"), mobile[:1], "--tta", "hflip")
    contest.row("the same of all photos, no fold", contest.gallery("whole", whole), whole)
    contest.row("the same, flip TTA", contest.gallery("whole-flipped", whole, tta="hflip"), whole, "--tta", "hflip")
    contest.row("five folds of it", contest.gallery("five", mobile), mobile)
    contest.row("efficientnet_b4, 4 epochs, one fold", contest.gallery("b4", efficient[:1]), efficient[:1])
    contest.row("five folds of it", contest.gallery("five-b4", efficient), efficient)
    contest.row("ten as the winner did: raw embeddings, joint norm, classes in the vote",
                contest.gallery("winner", ten, pipeline="norm = 'joint'\n[decide]\nvote = 'classes'"), ten)
    together = contest.gallery("ten", ten)
    contest.row("ten, each normalised", together, ten)
    tuned = contest.gallery("tuned", ten)
    contest.run("index", "tune", "--gallery", tuned, "--data", o.out / "set/val.csv")
    contest.row("the same, tuned on val.csv, whose photos are not shifted", tuned, ten)
    folds = contest.gallery("out-of-fold", ten)
    contest.run("index", "tune", "--gallery", folds, "--out-of-fold", contest.train_csv)
    contest.row("the same, tuned on the training photos, each by the networks that did not see it", folds, ten)
    student = o.out / "student"
    if not (student / "best/model.safetensors").exists():
        contest.run("distill", "--gallery", together, "--data", contest.train_csv, "--out", student, "--", "--config",
                    ROOT / "recipes/grocery.toml", "--img-size", 96, "--epochs", 6, "--val-interval", 6, *ARCFACE, *weights)
    taught = [o.out / "student.onnx"]
    contest.run("export", student, "--out", taught[0])
    contest.row("one mobilenetv2_100 taught by the ten", contest.gallery("taught", taught), taught)
    contest.row("the same, flip TTA", contest.gallery("taught-flipped", taught, tta="hflip"), taught, "--tta", "hflip")


if __name__ == "__main__":
    main()
