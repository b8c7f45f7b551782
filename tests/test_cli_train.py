# SPDX-License-Identifier: Apache-2.0
"""The main job through the real programs: made-up photos, train, export, index, predict, eval, page."""
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import numpy as np
from PIL import Image

BIN = Path(os.environ.get("SHOPLENS_BIN", "build/bin"))
TESTS = Path(os.environ.get("SHOPLENS_TESTS", "build/tests"))
TRAIN = ["--img-size", 64, "--epochs", 3, "--batch-size", 8, "--lr", 1e-3, "--head-lr-scale", 1, "--dim", 32]


class TrainTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        cls.run_cli("demo-photos", "--out", "photos", "--classes", 4, "--train", 6, "--val", 2, "--test", 2,
                    "--size", 96)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def run_cli(cls, *words, status=0):
        done = subprocess.run([BIN / "shoplens", *map(str, words)], cwd=cls.folder, capture_output=True, text=True)
        if done.returncode != status:
            raise AssertionError(f"{words} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def train(self, out, *words, status=0):
        return self.run_cli("train", "--data", "photos/train.csv", "--val", "photos/val.csv", "--out", out, *TRAIN,
                            *words, status=status)

    def test_from_photos_to_names(self):
        self.train("run")
        for name in ("config.toml", "summary.csv", "log.txt", "last/checkpoint.safetensors", "best/model.safetensors"):
            self.assertTrue((self.folder / "run" / name).exists(), name)
        self.assertEqual(len((self.folder / "run/summary.csv").read_text().splitlines()), 4)
        self.run_cli("export", "run", "--out", "model.onnx")
        self.run_cli("index", "build", "--gallery", "gallery.db", "--model", "model.onnx", "--data", "photos/train.csv")
        predictions = self.run_cli("predict", "--gallery", "gallery.db", "photos/test.csv", "--json").stdout
        answers = json.loads(predictions)
        self.assertEqual(len(answers), 8)
        self.assertEqual(set(answers[0]), {"path", "label", "score", "neighbours"})
        evaluation = self.run_cli("eval", "--gallery", "gallery.db", "--data", "photos/train.csv", "--json").stdout
        self.assertEqual(json.loads(evaluation)["recall_at_1"], 1)  # each photo finds itself
        (self.folder / "predict.json").write_text(predictions)
        (self.folder / "eval.json").write_text(
            self.run_cli("eval", "--gallery", "gallery.db", "--data", "photos/test.csv", "--json").stdout)
        self.run_cli("page", "--predictions", "predict.json", "--data", "photos/test.csv", "--eval", "eval.json",
                     "--out", "page.html")
        self.assertIn("data:image/jpeg;base64,", (self.folder / "page.html").read_text())

    def test_a_draft_is_what_pillow_decodes(self):
        self.train("draft", "--decode", "draft", "--stop-epoch", 1)
        self.assertIn('decode = "draft"', (self.folder / "draft/config.toml").read_text())
        self.run_cli("export", "draft", "--out", "draft.onnx")
        self.run_cli("export", "draft", "--decode", "full", "--out", "full.onnx")
        for folder in "large", "drafts":
            (self.folder / folder).mkdir()
        for i, photo in enumerate(sorted((self.folder / "photos").glob("shelf/*/*.jpg"))):
            large = Image.open(photo).resize((700 + 30 * i, 520), Image.Resampling.BICUBIC)
            large.save(self.folder / f"large/{i}.jpg", quality=90)
            drafted = Image.open(self.folder / f"large/{i}.jpg")
            drafted.draft("RGB", (128, 128))  # twice what the network sees
            self.assertEqual(drafted.size[1], 130)
            drafted.save(self.folder / f"drafts/{i}.png")

        def embed(model, photos):
            self.run_cli("embed", "--model", model, "--data", photos, "--precision", "f32", "--out", "out.npy")
            return np.load(self.folder / "out.npy")

        drafted, whole = embed("draft.onnx", "large"), embed("full.onnx", "large")
        np.testing.assert_array_equal(drafted, embed("full.onnx", "drafts"))
        self.assertTrue((drafted != whole).any(axis=1).all())
        self.assertGreater((drafted * whole).sum(axis=1).min(), 0.9)  # other pixels, but the same photos

    def test_export_in_8_bits(self):
        self.train("small")
        photos = (self.folder / "photos/train.csv").read_text().splitlines()[1:]
        (self.folder / "one.csv").write_text(  # one label: a network of three epochs finds it in 8 bits too
            "path,label\n" + "".join(f"photos/{row.split(',')[0]},thing\n" for row in photos))
        made = self.run_cli("export", "small", "--int8", "--calibrate", "one.csv", "--out", "small.onnx").stdout
        self.assertRegex(made, r"small\.float\.onnx  mobilenetv2_100")
        self.assertRegex(made, r"small\.onnx  mobilenetv2_100  \d+ of 53 layers in 8 bits")
        sizes = [(self.folder / name).stat().st_size for name in ("small.onnx", "small.float.onnx")]
        self.assertLess(sizes[0], sizes[1] / 2)
        self.assertIn("--int8 and --calibrate together", self.run_cli("export", "small", "--int8", status=2).stderr)
        refused = self.run_cli("export", "small", "--int8", "--calibrate", "one.csv", "--weight-bits", 9, status=2).stderr
        self.assertIn("want 2 to 8 --weight-bits, got 9", refused)
        self.assertIn("want --int8 with --weight-bits", self.run_cli("export", "small", "--weight-bits", 6, status=2).stderr)
        self.run_cli("export", "small", "--int8", "--calibrate", "one.csv", "--weight-bits", 6, "--out", "six.onnx")
        self.assertIn(b"shoplens.weight_bits\x12\x016", (self.folder / "six.onnx").read_bytes())

    def test_an_ensemble_votes_by_classes_and_teaches_a_student(self):
        for seed in 1, 2:
            self.train(f"run{seed}", "--seed", seed)
            self.run_cli("export", f"run{seed}", "--classes", "--out", f"m{seed}.onnx")
        (self.folder / "lotte.toml").write_text(
            "norm = 'joint'\n[[model]]\npath = 'm1.onnx'\n[[model]]\npath = 'm2.onnx'\n[decide]\nvote = 'classes'\n")
        self.run_cli("index", "build", "--gallery", "two.db", "--pipeline", "lotte.toml", "--data", "photos/train.csv")
        found = json.loads(self.run_cli("eval", "--gallery", "two.db", "--data", "photos/train.csv", "--json").stdout)
        self.assertEqual(found["recall_at_1"], 1)  # each photo finds itself
        self.assertGreater(found["accuracy"], 0.25)  # the heads of three epochs know a little of four products
        self.run_cli("distill", "--gallery", "two.db", "--data", "photos/train.csv", "--out", "student", "--dim", 16,
                     "--", *TRAIN[:-2], "--val", "photos/val.csv")
        config = (self.folder / "student/config.toml").read_text()
        self.assertIn('teacher = "student.teacher.npy"', config)
        self.assertIn("dim = 16", config)
        self.run_cli("export", "student", "--out", "student.onnx")
        error = self.train("wrong", "--teacher", "student.teacher.npy", status=2).stderr
        self.assertIn("want --dim 16 as the teacher's embeddings have, got 32", error)

    def test_a_small_shops_student_is_as_long_as_its_photos_allow(self):
        words = ["distill", "--data", "photos/train.csv"]
        for name in "1", "2":  # a teacher of 600 components, and 24 photos
            subprocess.run([TESTS / "write_tiny_model", self.folder / f"teacher{name}.onnx", name, "300"], check=True)
            words += ["--model", f"teacher{name}.onnx"]
        error = self.run_cli(*words, "--dim", 40, "--out", "long", status=2).stderr
        self.assertIn("want more photos than --dim 40, got 24 (photos/train.csv)", error)
        done = self.run_cli(*words, "--out", "short", "--", *TRAIN[:-2])
        self.assertIn("24 embeddings of 23 components, as many as so few photos allow", done.stderr)
        self.assertIn("dim = 23", (self.folder / "short/config.toml").read_text())

    def test_sigterm_saves_and_resume_goes_on(self):
        command = [BIN / "shoplens", "train", "--data", "photos/train.csv", "--out", "killed", *TRAIN, "--epochs", 60]
        started = subprocess.Popen(list(map(str, command)), cwd=self.folder, stderr=subprocess.DEVNULL)
        summary = self.folder / "killed/summary.csv"
        deadline = time.monotonic() + 120
        while not summary.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        started.send_signal(signal.SIGTERM)
        self.assertEqual(started.wait(timeout=60), 130)
        before = len(summary.read_text().splitlines())
        self.run_cli("train", "--resume", "--out", "killed", "--stop-epoch", before + 1)
        self.assertGreater(len(summary.read_text().splitlines()), before)

    def test_a_recipe_is_the_start_and_flags_win(self):
        names = [line.split("\t")[0] for line in self.run_cli("train", "--list-recipes").stdout.splitlines()]
        self.assertEqual(names, ["grocery", "lotte", "lotte-fixed"])
        self.run_cli("train", "--recipe", "lotte", "--fold", 1, "--data", "photos/train.csv", "--out", "lotte", *TRAIN,
                     "--arch", "mobilenetv2_100", "--folds", 3, "--stop-epoch", 1)
        config = (self.folder / "lotte/config.toml").read_text()
        for line in ('recipe = "lotte"', 'sched = "lotte"', "scale = 45.0", "dim = 32", 'arch = "mobilenetv2_100"'):
            self.assertIn(line, config)
        self.assertIn("did you mean lotte?", self.run_cli("train", "--recipe", "loto", status=2).stderr)

    def test_folds_one_after_the_other(self):
        done = self.run_cli("train", "--data", "photos/train.csv", "--out", "folds", *TRAIN, "--folds", 2)
        self.assertRegex(done.stderr, r"fold 0 +[1-3] ")
        self.assertRegex(done.stderr, r"fold 1 +[1-3] ")
        self.assertIn("mean", done.stderr)
        self.assertEqual(len((self.folder / "folds/folds.csv").read_text().splitlines()), 3)
        models = []
        for size in 32, 40:
            for fold in 0, 1:
                models += ["--model", f"fold{fold}-{size}.onnx"]
                self.run_cli("export", f"folds/fold-{fold}", "--img-size", size, "--out", models[-1])
        self.run_cli("index", "build", "--gallery", "folds.db", "--data", "photos/train.csv", *models)

        # The gallery's own photos, each asked about by the networks that did not see it.
        tune = "index", "tune", "--gallery", "folds.db"
        done = self.run_cli(*tune, "--out-of-fold", "photos/train.csv", "--json", "--report", "photos/test.csv")
        tuned = json.loads(done.stdout)
        what = [trial["what"] for trial in tuned["trials"]]
        self.assertEqual(what[:3], ["as it is", "its weights alone", "weight of models 1 2: 0.5"])
        self.assertFalse([w for w in what if w.startswith("whiten")])
        self.assertLess(tuned["trials"][0]["accuracy"], 1)  # as it would be with each photo's own neighbour itself
        self.assertIn("report", tuned["trials"][0])
        self.assertIn("24 photos asked about, each by the networks that did not see it (photos/train.csv)", done.stderr)
        before, after = (tuned["cross_validation"][when] for when in ("before", "after"))
        if sum(after.values()) <= sum(before.values()) or after["accuracy"] < before["accuracy"]:
            self.assertFalse(tuned["changes"])
        pipeline = self.run_cli("index", "pipeline", "--gallery", "folds.db").stdout
        self.assertEqual(pipeline, tuned["pipeline"])

        error = lambda *words: self.run_cli(*tune, *words, status=2).stderr
        self.assertIn("or --out-of-fold", error())
        self.assertIn("or --out-of-fold", error("--out-of-fold", "photos/train.csv", "--data", "photos/test.csv"))
        self.assertIn("want no --whiten", error("--out-of-fold", "photos/train.csv", "--whiten", 4))
        self.assertIn("want no --whiten, which is of all networks together, and no --tta",
                      error("--out-of-fold", "photos/train.csv", "--tta", "hflip"))
        self.assertIn("was trained on, got another (photos/test.csv)", error("--out-of-fold", "photos/test.csv"))
        self.assertIn("pipeline: want the model with the fingerprint", error("--out-of-fold", "photos/train.csv", *models[2:4], *models[:2], *models[4:]))
        (self.folder / "voting.toml").write_text(pipeline.replace("vote = 'top1'", "vote = 'classes'").replace(
            "vote = 'weighted'", "vote = 'classes'"))
        self.run_cli("index", "pipeline", "--gallery", "folds.db", "--set", "voting.toml")
        self.assertIn("want a gallery that does not vote by classes, this one does (folds.db)",
                      error("--out-of-fold", "photos/train.csv"))

    def test_mistakes_are_named(self):
        error = lambda *words: self.run_cli(*words, status=2).stderr
        self.assertIn("did you mean --batch-size?", error("train", "--batchsize", 3))
        self.assertIn("did you mean mobilenetv2_100?", error(
            "train", "--data", "photos/train.csv", "--out", "x", "--arch", "mobilenetv2"))
        self.assertIn("want --data", error("train", "--out", "x"))
        self.assertIn("--cuda-graphs on with --device cuda", error("train", "--data", "photos/train.csv", "--out", "x", "--cuda-graphs", "on"))
        self.assertIn("no-such.safetensors", error(
            "import", "--arch", "mobilenetv2_100", "--weights", "no-such.safetensors"))
        (self.folder / "bad.safetensors").write_bytes(b"not weights")
        self.assertIn("bad.safetensors", error("import", "--arch", "mobilenetv2_100", "--weights", "bad.safetensors"))
        self.assertIn("config.toml", error("export", "photos"))
        self.assertIn("begun with another --lr", error(*self.begun(), "--resume", "--lr", 0.5))
        # A value that is the default is said too.
        self.assertIn("begun with another --epochs", error("train", "--out", "begun", "--resume", "--epochs", 10))
        self.run_cli("train", "--out", "begun", "--resume", *TRAIN, "--stop-epoch", 1)
        # Runs begun before an option was there, or when it was a switch, go on.
        config = self.folder / "begun/config.toml"
        text = config.read_text()
        for before in "", "cuda_graphs = false\n":
            config.write_text(re.sub(r"cuda_graphs = .*\n", before, text))
            self.assertNotEqual(config.read_text(), text)
            self.run_cli("train", "--out", "begun", "--resume", *TRAIN, "--stop-epoch", 1)

    def begun(self):
        self.train("begun", "--stop-epoch", 1)
        return "train", "--out", "begun"


if __name__ == "__main__":
    unittest.main()
