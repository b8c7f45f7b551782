# SPDX-License-Identifier: Apache-2.0
"""embed, index, predict and eval end to end."""
import csv
import json
import os
import shutil
import struct
import subprocess
import unittest

from cli import BIN, TESTS, CliTest, write_png


class Index(CliTest):
    def test_build_add_list_remove(self):
        made = self.build()
        self.assertEqual((made["added"], made["items"], made["errors"]), (12, 12, []))
        again = self.run_cli("index", "build", "--data", "train.csv", "--model", "model.onnx", status=2)
        self.assertIn("index build: want a new file, this one exists (gallery.db)", again.stderr)
        self.assertIn("hint: ", again.stderr)
        self.write_list("more.csv", "more", 1)
        self.assertEqual(self.run_json("index", "add", "--data", "more.csv")["items"], 15)
        listed = self.run_json("index", "list", "--items")
        self.assertEqual(listed["labels"], {"conference": 5, "fuji": 5, "gala": 5})
        self.assertEqual(listed["photos"][0]["path"], "train/gala0.png")
        self.assertEqual(listed["photos"][0]["source"], "train/gala0.png")
        self.assertEqual(listed["photos"][0]["columns"], {"coarse_label": "apple", "note": "train 0"})
        self.assertEqual(self.run_json("index", "remove", "--label", "gala", "--id", "5")["items"], 9)
        self.assertIn("found nothing of it", self.run_cli("index", "remove", "--path", "x", status=2).stderr)
        self.assertEqual(self.run_json("index", "verify"), {"gallery": "gallery.db", "sound": True, "faults": []})

    def test_what_cannot_be_written_is_said_before_photos_are_embedded(self):
        error = self.run_cli("index", "build", "--data", "train.csv", "--model", "model.onnx", "--gallery", "no/g.db",
                             status=2).stderr
        self.assertIn("want a folder to write to, found none", error)
        self.assertNotIn("photos", error)
        self.build()
        with open("/dev/full", "w") as full:
            done = subprocess.run([BIN / "shoplens", "predict", "test/gala0.png", "--json"], cwd=self.folder, stdout=full,
                                  stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("cannot write the results to standard output", done.stderr)

    def test_a_name_that_is_no_utf8_is_answered_and_kept_out_of_catalogues(self):
        self.build()
        photo = os.fsencode(self.folder / "test") + b"/gal\xe1.png"
        shutil.copy(self.folder / "test/gala0.png", photo)
        answers = self.run_json("predict", "test")
        self.assertEqual([a["label"] for a in answers], [a["label"] for a in answers if "error" not in a])
        self.assertEqual(len(answers), 7)
        os.makedirs(self.folder / "photos/gala")
        os.rename(photo, os.fsencode(self.folder / "photos/gala") + b"/gal\xe1.png")
        self.assertIn("want a file name in UTF-8", self.run_cli("index", "add", "--data", "photos", status=2).stderr)

    def test_a_path_that_is_there(self):
        self.build()
        error = self.run_cli("index", "add", "--data", "train.csv", status=2).stderr
        self.assertIn("index add: want new paths, train/gala0.png and 11 more already in the gallery", error)
        self.assertEqual(self.run_json("index", "add", "--data", "train.csv", "--existing", "skip")["skipped"], 12)
        self.assertEqual(self.run_json("index", "add", "--data", "train.csv", "--existing", "replace")["replaced"], 12)
        self.assertEqual(self.run_json("index", "list")["items"], 12)

    def test_an_unreadable_photo_is_told_and_the_others_are_added(self):
        (self.folder / "train/fuji1.png").write_bytes(b"no photo")
        made = self.run_json("index", "build", "--data", "train.csv", "--model", "model.onnx", status=2)
        self.assertEqual(made["added"], 11)
        self.assertEqual([e["path"] for e in made["errors"]], ["train/fuji1.png"])
        self.assertIn("fuji1.png", made["errors"][0]["error"]["message"])

    def test_another_model_is_refused(self):
        self.build()
        subprocess.run([TESTS / "write_tiny_model", self.folder / "other.onnx", "2"], check=True)
        error = self.run_cli("predict", "test/gala0.png", "--model", "other.onnx", status=2).stderr
        self.assertIn("want the model with the fingerprint", error)
        (self.folder / "model.onnx").write_bytes((self.folder / "other.onnx").read_bytes())
        self.run_cli("eval", "--data", "test.csv", status=2)
        self.assertIn("its model is another one now", self.run_cli("index", "verify", status=1).stdout)

    def test_several_models_answer_together(self):
        subprocess.run([TESTS / "write_tiny_model", self.folder / "other.onnx", "2"], check=True)
        self.run_cli("index", "build", "--data", "train.csv", "--model", "model.onnx", "--model", "other.onnx",
                     "--model-weight", 1, "--model-weight", 0.5, "--tta", "hflip")
        pipeline = self.run_json("index", "list")["pipeline"]
        self.assertEqual(pipeline["tta"], "hflip")
        self.assertEqual([m["path"] for m in pipeline["models"]], ["model.onnx", "other.onnx"])
        self.assertEqual([m["weight"] for m in pipeline["models"]], [1, 0.5])
        # Whoever opens it does the same without being told: a gallery photo finds itself.
        answer = self.run_json("predict", "train/fuji1.png")[0]
        self.assertEqual(answer["neighbours"][0]["path"], "train/fuji1.png")
        self.assertGreater(answer["neighbours"][0]["score"], 0.999)
        self.write_list("more.csv", "more", 1)
        self.assertEqual(self.run_json("index", "add", "--data", "more.csv")["items"], 15)
        self.assertTrue(self.run_json("index", "verify")["sound"])
        error = self.run_cli("predict", "train/fuji1.png", "--model", "model.onnx", status=2).stderr
        self.assertIn("want all 2 models of the gallery", error)
        error = self.run_cli("predict", "train/fuji1.png", "--model", "other.onnx", "--model", "model.onnx", status=2)
        self.assertIn("want the model with the fingerprint", error.stderr)
        error = self.run_cli("index", "build", "--gallery", "x.db", "--data", "train.csv", "--model", "model.onnx",
                             "--model-weight", "heavy", status=2).stderr
        self.assertIn("--model-weight: want a number above 0, got heavy", error)

    def test_the_model_is_found_from_anywhere_and_missed_by_name(self):
        self.build()
        (self.folder / "moved").mkdir()
        self.run_cli("index", "snapshot", "--out", "moved/gallery.db")
        self.run_cli("predict", "--gallery", "moved/gallery.db", "test/gala0.png")
        (self.folder / "model.onnx").rename(self.folder / "gone.onnx")
        error = self.run_cli("predict", "test/gala0.png", status=2).stderr
        self.assertIn("want its model at model.onnx", error)
        self.assertIn("hint: give the model with --model", error)

    def test_snapshot_and_restore(self):
        self.build()
        self.run_cli("index", "snapshot", "--out", "s.db")
        self.run_cli("index", "snapshot", "--out", "s.db", status=2)
        self.run_cli("index", "remove", "--label", "gala")
        self.run_cli("index", "restore", "--from", "s.db")
        self.assertEqual(self.run_json("index", "list")["items"], 12)
        (self.folder / "s.db").write_bytes((self.folder / "s.db").read_bytes()[:9000])
        self.run_cli("index", "restore", "--from", "s.db", status=2)
        self.assertTrue(self.run_json("index", "verify")["sound"])

    def test_what_is_no_gallery_is_named(self):
        self.assertIn("found nothing (none.db)", self.run_cli("index", "list", "--gallery", "none.db", status=2).stderr)
        (self.folder / "text.db").write_text("x" * 5000)
        self.assertIn("(text.db)", self.run_cli("index", "list", "--gallery", "text.db", status=2).stderr)
        self.assertIn("want one of build, add", self.run_cli("index", status=2).stderr)


class Pipeline(CliTest):
    """How a gallery answers: shown, set, learnt, and followed by whoever opens it."""

    def setUp(self):
        super().setUp()
        subprocess.run([TESTS / "write_tiny_model", self.folder / "other.onnx", "2"], check=True)
        (self.folder / "pipeline.toml").write_text(
            "tta = 'hflip'\n[[model]]\npath = 'model.onnx'\n[[model]]\npath = 'other.onnx'\nweight = 0.5\n"
            "[ranking]\naugment_k = 2\n[decide]\nvote = 'weighted'\nk = 3\n")
        self.run_cli("index", "build", "--data", "train.csv", "--pipeline", "pipeline.toml")

    def test_a_file_says_it_and_the_gallery_keeps_it(self):
        shown = self.run_cli("index", "pipeline").stdout
        for line in ("tta = 'hflip'", "weight = 0.5", "augment_k = 2", "vote = 'weighted'"):
            self.assertIn(line, shown)
        (self.folder / "shown.toml").write_text(shown)  # what is shown can be built from
        self.run_cli("index", "build", "--gallery", "again.db", "--data", "train.csv", "--pipeline", "shown.toml")
        self.assertEqual(self.run_cli("index", "pipeline", "--gallery", "again.db").stdout, shown)
        self.assertEqual(self.run_json("eval", "--data", "test.csv")["accuracy"], 1)

    def test_set_changes_how_it_answers_and_not_what_it_holds(self):
        self.assertIn("vote = 'weighted'", self.run_cli("index", "pipeline").stdout)
        (self.folder / "plain.toml").write_text(
            "tta = 'none'\n[[model]]\npath = 'x'\n[[model]]\npath = 'y'\nweight = 2\n")
        self.run_cli("index", "pipeline", "--set", "plain.toml")
        self.assertIn("vote = 'top1'", self.run_cli("index", "pipeline").stdout)
        after = self.run_json("predict", "train/gala1.png")[0]
        self.assertEqual(after["neighbours"][0]["path"], "train/gala1.png")
        self.assertGreater(after["score"], 0.99)
        self.assertTrue(self.run_json("index", "verify")["sound"])
        (self.folder / "one.toml").write_text("[[model]]\npath = 'model.onnx'\n")
        error = self.run_cli("index", "pipeline", "--set", "one.toml", status=2).stderr
        self.assertIn("want the gallery's models and norm, got others (one.toml)", error)
        (self.folder / "bad.toml").write_text("[[model]]\npath = 'x'\n[ranking]\nfusion = 1\n")
        error = self.run_cli("index", "pipeline", "--set", "bad.toml", status=2).stderr
        self.assertIn("unknown key fusion (bad.toml)", error)

    def test_how_much_a_search_finds_is_said_by_the_gallery(self):
        self.assertNotIn("recall", self.run_cli("index", "pipeline").stdout)
        self.assertIn("recall = 0.75", self.run_cli("index", "pipeline", "--recall", 0.75).stdout)
        self.assertIn("recall = 0.75", self.run_cli("index", "pipeline").stdout)
        search = self.run_json("eval", "--data", "test.csv")["search"]  # it is small: all is found
        self.assertEqual(search, {"index": "exact", "recall_at_10": 1.0})
        self.assertFalse((self.folder / "gallery.db.cells").exists())
        self.assertNotIn("recall", self.run_cli("index", "pipeline", "--recall", 0).stdout)
        self.assertIn("--recall: want from 0 to 1, got 2",
                      self.run_cli("index", "pipeline", "--recall", 2, status=2).stderr)
        self.run_cli("index", "build", "--gallery", "b.db", "--data", "train.csv", "--model", "model.onnx", "--recall", 0.5)
        self.assertIn("recall = 0.5", self.run_cli("index", "pipeline", "--gallery", "b.db").stdout)

    def test_only_some_labels_are_chosen_among(self):
        answer = self.run_json("predict", "train/gala1.png", "--only", "fuji", "--only", "conference")[0]
        self.assertEqual({n["label"] for n in answer["neighbours"]}, {"fuji", "conference"})
        self.assertIn("want some that the gallery has, got plum",
                      self.run_cli("predict", "train/gala1.png", "--only", "plum", status=2).stderr)

    def test_tune_learns_from_held_out_photos(self):
        error = self.run_cli("index", "tune", "--data", "train.csv", status=2).stderr
        self.assertIn("want photos that are not in the gallery, train/gala0.png and 11 more", error)
        before = self.run_cli("index", "pipeline").stdout
        tuned = self.run_json("index", "tune", "--data", "test.csv", "--dry-run")
        trials = tuned["trials"]
        self.assertEqual(trials[0]["what"], "as it is")
        unseen = tuned["cross_validation"]
        self.assertAlmostEqual(unseen["before"]["accuracy"], trials[0]["accuracy"])
        gains = sum(unseen["after"].values()) > sum(unseen["before"].values()) + 0.003  # of three figures
        self.assertEqual(tuned["changes"], gains and unseen["after"]["accuracy"] >= unseen["before"]["accuracy"])
        self.assertNotIn("cross_validation", self.run_json("index", "tune", "--data", "test.csv", "--folds", 0, "--dry-run"))
        self.assertIn("--folds: want 0 or at least 2, got 1",
                      self.run_cli("index", "tune", "--data", "test.csv", "--folds", 1, status=2).stderr)
        self.write_list("further.csv", "further", 3)
        reported = self.run_json("index", "tune", "--data", "test.csv", "--report", "further.csv", "--dry-run")["trials"]
        for trial in reported:
            self.assertEqual(set(trial.pop("report")), {"accuracy", "recall_at_5", "map"})
        self.assertEqual(reported, trials)  # nothing is chosen by them
        text = self.run_cli("index", "tune", "--data", "test.csv", "--report", "further.csv", "--dry-run").stdout
        self.assertIn("report:", text.splitlines()[0])
        self.assertEqual(text.splitlines()[1 + len(trials):][:2], ["", "each photo asked about with what the others chose:"])
        self.assertEqual(len(text.splitlines()), 1 + len(trials) + (4 if tuned["changes"] else 5))
        self.assertIn("train/gala0.png and 11 more is", self.run_cli("index", "tune", "--data", "test.csv", "--report",
                                                                      "train.csv", status=2).stderr)
        self.assertEqual(self.run_cli("index", "pipeline").stdout, before)
        refused = self.run_cli("index", "tune", "--data", "test.csv", "--whiten", 1, status=2).stderr
        self.assertIn("want --whiten 1 to cost at most 0.005 of accuracy", refused)
        self.assertIn("hint: a larger --whiten keeps more", refused)
        self.assertEqual(self.run_cli("index", "pipeline").stdout, before)
        self.run_cli("index", "tune", "--data", "test.csv", "--whiten", 6)
        self.assertIn("whiten = 6", self.run_cli("index", "pipeline").stdout)
        self.assertTrue(self.run_json("index", "verify")["sound"])
        self.assertEqual(self.run_json("eval", "--data", "test.csv")["queries"], 6)
        self.run_cli("index", "snapshot", "--out", "s.db")  # the learnt map goes with it
        self.assertEqual(self.run_json("predict", "test/gala0.png", "--gallery", "s.db")[0],
                         self.run_json("predict", "test/gala0.png")[0])

    def test_a_model_without_classes_cannot_vote_by_them(self):
        error = self.run_cli("predict", "test/gala0.png", "--vote", "classes", status=2).stderr
        self.assertIn("want a model with raw embeddings and class scores", error)
        self.assertIn("hint: export it again with --classes", error)


class Calibrate(CliTest):
    LABELS = {name: "fruit" for name in ("gala", "fuji", "conference", "banana", "lemon", "plum")}

    def setUp(self):
        super().setUp()
        self.write_list("val.csv", "val", 5)
        self.build()

    def test_a_gallery_learns_what_it_does_not_know(self):
        done = self.run_cli("calibrate", "--data", "val.csv", "--figure", "f.svg", "--false-accept-rate", 0.1)
        self.assertIn("30 photos of known products, 30 of strangers, cross-validated", done.stdout)
        self.assertRegex(done.stdout, r"known photos named when at most 5% of strangers are\n")
        self.assertIn("</svg>", (self.folder / "f.svg").read_text())
        answer = self.run_json("predict", "train/gala0.png")[0]
        self.assertEqual(answer["label"], "gala")
        self.assertIs(answer["unknown"], False)
        self.assertGreater(answer["probability"], 0.5)
        write_png(self.folder / "car.png", 5, "no fruit at all")
        self.assertLess(self.run_json("predict", "car.png")[0]["probability"], answer["probability"])
        self.assertRegex(self.run_cli("predict", "train/gala0.png").stdout,
                         r"^train/gala0.png: gala  [01]\.\d{3}  \(right with probability [01]\.\d{3}\)\n")
        self.run_cli("index", "remove", "--label", "gala")
        open_set = self.run_json("eval", "--data", "test.csv")["open_set"]
        self.assertEqual((open_set["known"], open_set["strangers"]), (10, 2))
        self.assertTrue(self.run_json("index", "verify")["sound"])

    def test_other_settings_are_not_calibrated(self):
        self.run_cli("calibrate", "--data", "val.csv")
        done = self.run_cli("predict", "test/gala0.png", "--tta", "hflip")
        self.assertIn("calibration was learnt with other settings", done.stderr)
        self.assertNotIn("probability", done.stdout)

    def test_strangers_from_a_list_and_a_dry_run(self):
        for i in range(20):
            write_png(self.folder / f"other/{i}.png", i, f"other {i}")
        made = self.run_json("calibrate", "--data", "val.csv", "--strangers", "other", "--dry-run")
        self.assertEqual((made["open_set"]["known"], made["open_set"]["strangers"]), (30, 20))
        roc = [tuple(point[key] for key in ("threshold", "false_accept", "true_accept")) for point in made["open_set"]["roc"]]
        self.assertEqual(roc[0], (None, 0, 0))
        self.assertEqual(roc[-1][1:], (1, 1))
        self.assertEqual(roc, [roc[0]] + sorted(roc[1:], key=lambda point: -point[0]))
        self.assertNotIn("probability", self.run_json("predict", "test/gala0.png")[0])

    def test_what_cannot_be_learnt_from_is_refused(self):
        error = self.run_cli("calibrate", "--data", "train.csv", status=2).stderr
        self.assertIn("calibrate: want photos that are not in the gallery, train/gala0.png and 23 more", error)
        self.assertIn("want --data", self.run_cli("calibrate", status=2).stderr)
        self.assertIn("between 0 and 1", self.run_cli("calibrate", "--data", "val.csv", "--false-accept-rate", 2,
                                                      status=2).stderr)
        error = self.run_cli("calibrate", "--data", "test.csv", status=2).stderr
        self.assertIn("want at least 20 photos of the gallery's products", error)


class Answers(CliTest):
    def test_predict_json_and_exit_status(self):
        self.build()
        (self.folder / "bad.jpg").write_bytes(b"no photo")
        answers = self.run_json("predict", "test/gala0.png", "absent.jpg", "bad.jpg", "test/fuji0.png", "--top", "2",
                                status=2)
        self.assertEqual([a["path"] for a in answers], ["test/gala0.png", "absent.jpg", "bad.jpg", "test/fuji0.png"])
        self.assertEqual([a.get("label") for a in answers], ["gala", None, None, "fuji"])
        self.assertEqual(set(answers[0]), {"path", "label", "score", "neighbours"})
        self.assertEqual([set(n) for n in answers[0]["neighbours"]], [{"id", "label", "path", "score"}] * 2)
        self.assertEqual(set(answers[1]), {"path", "error"})
        self.assertEqual(answers[1]["error"]["code"], "not_found")
        self.assertEqual(set(answers[2]["error"]), {"code", "message", "hint"})

    def test_predict_takes_photos_folders_and_csvs(self):
        self.build()
        self.assertEqual(len(self.run_json("predict", "test", "test.csv", "test/gala0.png")), 6 + 6 + 1)
        text = self.run_cli("predict", "test/gala0.png", "--vote", "weighted", "--tta", "hflip").stdout
        self.assertRegex(text, r"^test/gala0.png: gala  [01]\.\d{3}\n(    [01]\.\d{3}  \w+  train/\w+\.png\n){5}$")

    def test_a_gallery_photo_finds_itself(self):
        self.build()
        for answer in self.run_json("predict", "train.csv", "--precision", "f32"):
            self.assertEqual(answer["neighbours"][0]["path"], answer["path"])
            self.assertGreater(answer["score"], 0.998)  # the gallery may be of bf16

    def test_eval_json(self):
        self.build()
        found = self.run_json("eval", "--data", "test.csv")
        keys = {"queries", "strangers", "gallery", "recall_at_1", "recall_at_5", "map", "accuracy", "macro_f1", "labels"}
        self.assertEqual(set(found), keys | {"errors", "search", "coarse_label"})  # "note" is shared by no photos
        self.assertEqual(set(found["coarse_label"]), keys)
        self.assertEqual((found["queries"], found["gallery"]), (6, 12))
        self.assertEqual(found["recall_at_1"], 1)
        self.assertEqual(found["macro_f1"], 1)
        self.assertEqual([row["label"] for row in found["labels"]], ["conference", "fuji", "gala"])
        self.assertIn("R@1", self.run_cli("eval", "--data", "test.csv", "--tta", "hflip", "--vote", "weighted").stdout)

    def test_eval_leaves_unreadable_photos_out(self):
        self.build()
        (self.folder / "test/gala0.png").unlink()
        found = self.run_json("eval", "--data", "test.csv", status=2)
        self.assertEqual(found["queries"], 5)
        self.assertEqual(found["errors"][0]["path"], "test/gala0.png")

    def test_eval_leaves_strangers_out_of_the_queries(self):
        self.build()
        self.run_cli("index", "remove", "--label", "gala")
        done = self.run_cli("eval", "--data", "test.csv", "--json")
        found = json.loads(done.stdout)
        self.assertEqual((found["queries"], found["strangers"]), (4, 2))
        self.assertEqual([row["label"] for row in found["labels"]], ["conference", "fuji"])
        self.assertEqual(found["coarse_label"]["queries"], 6)
        self.assertIn("2 of 6 photos have labels that the gallery does not", done.stderr)

    def test_unknown_flag_names_the_right_one(self):
        self.assertIn("did you mean --gallery?", self.run_cli("eval", "--galery", "x", status=2).stderr)


class Embed(CliTest):
    def test_npy_and_csv_are_row_by_row_the_same_photos(self):
        (self.folder / "test/fuji0.png").write_bytes(b"")
        said = self.run_json("embed", "--model", "model.onnx", "--data", "test.csv", "--out", "e.npy", status=2)
        self.assertEqual((said["photos"], said["dim"]), (5, 16))
        data = (self.folder / "e.npy").read_bytes()
        self.assertEqual(data[:8], b"\x93NUMPY\1\0")
        self.assertIn(b"'shape': (5, 16)", data[:128])
        rows = struct.unpack("<80f", data[128:])
        for i in range(5):
            self.assertAlmostEqual(sum(x * x for x in rows[16 * i:16 * i + 16]), 1, places=5)
        with open(self.folder / "e.csv", newline="") as file:
            photos = list(csv.DictReader(file))
        self.assertEqual([p["path"] for p in photos],
                         ["test/gala0.png", "test/gala1.png", "test/fuji1.png", "test/conference0.png",
                          "test/conference1.png"])
        self.assertEqual(photos[2]["coarse_label"], "apple")

    def test_a_folder_without_labels(self):
        write_png(self.folder / "loose/a.png", 1, "gala")
        self.run_cli("embed", "--model", "model.onnx", "--data", "loose")
        self.assertEqual((self.folder / "emb.csv").read_text(), "path\na.png\n")


if __name__ == "__main__":
    unittest.main()
