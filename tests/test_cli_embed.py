# SPDX-License-Identifier: Apache-2.0
"""embed of a long list: killed at random moments and resumed to the bit; what cannot be read is listed."""
import csv
import os
import random
import subprocess
import time
import unittest

from cli import BIN, CliTest


class LongList(CliTest):
    EMBED = ["embed", "--model", "model.onnx", "--data", "many.csv"]

    def setUp(self):
        super().setUp()
        os.environ["XDG_CACHE_HOME"] = str(self.folder / "cache")

    def write_many(self, count):
        """many.csv: the 12 photos under `count` names; every 500th is none."""
        photos = sorted((self.folder / "train").iterdir())
        (self.folder / "many").mkdir(exist_ok=True)
        rows = ["path,label,note"]
        for i in range(count):
            link = self.folder / f"many/{i}.png"
            if i % 500 != 77 and not link.exists():
                os.link(photos[i * 7 % 12], link)
            rows.append(f'many/{i}.png,,"a, {i}"')
        (self.folder / "many.csv").write_text("\n".join(rows) + "\n")

    def outputs(self, name):
        return [(self.folder / (name + end)).read_bytes() for end in (".npy", ".csv", ".errors.csv")]

    def test_the_list_itself_is_never_overwritten(self):
        before = (self.folder / "train.csv").read_bytes()
        error = self.run_cli("embed", "--model", "model.onnx", "--data", "train.csv", "--out", "train.npy", status=2).stderr
        self.assertIn("train.npy has its own in train.csv, which is --data", error)
        self.assertEqual((self.folder / "train.csv").read_bytes(), before)

    def test_killed_at_random_and_resumed_is_the_same_to_the_bit(self):
        count, whole = 10000, 0.0
        while whole < 3 and count < 160000:  # a run notes each second how far it is, on a fast machine too
            count *= 2
            self.write_many(count)
            start = time.monotonic()
            self.run_cli(*self.EMBED, "--out", "whole.npy", status=2)
            whole = time.monotonic() - start
        delays, kills, resumed = random.Random(3), 0, 0
        for name in "a", "b", "c":
            command = [BIN / "shoplens", *self.EMBED, "--out", f"{name}.npy", "--resume"]
            for _ in range(4):
                process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL)
                time.sleep(delays.uniform(0, 0.5 * whole))
                process.kill()
                process.wait()
                kills += process.returncode == -9
                if process.returncode != -9:
                    break
            said = self.run_json(*command[1:], status=2)
            resumed += said["resumed"]
            self.assertEqual(said["unreadable"], count // 500)
            self.assertEqual(self.outputs(name), self.outputs("whole"))
            self.assertFalse((self.folder / f"{name}.npy.part").exists())
        self.assertGreater(resumed, 0, "no run went on from the middle")
        print(f"{kills} kills, {resumed} photos were not embedded again, in runs of {whole:.2f} s", flush=True)

    def test_a_killed_run_refuses_other_options_and_starts_over_without_resume(self):
        self.write_many(20000)
        process = subprocess.Popen([BIN / "shoplens", *self.EMBED], cwd=self.folder, stderr=subprocess.DEVNULL)
        self.until((self.folder / "emb.npy.part/state.toml").exists)
        running = self.run_cli(*self.EMBED, "--resume", status=2)
        self.assertIn("want an output that nobody writes", running.stderr)
        process.kill()
        process.wait()
        for words, what in ((("--tta", "hflip"), "the same --tta as the run that stopped, none, got hflip"),
                            (("--batch-size", "16"), "the same --batch-size as the run that stopped, 1, got 16"),
                            (("--threads", "5"), "the same --threads as the run that stopped, "),
                            (("--data", "test.csv"), "the same list of photos as the run that stopped, ")):
            refused = self.run_cli(*self.EMBED, "--resume", *words, status=2)
            self.assertIn("embed --resume: want " + what, refused.stderr)
        self.assertFalse((self.folder / "emb.npy").exists())
        over = self.run_cli(*self.EMBED, "--data", "test.csv")
        self.assertIn("starting over", over.stderr)
        self.assertEqual(len((self.folder / "emb.csv").read_text().splitlines()), 7)
        self.assertFalse((self.folder / "emb.npy.part").exists())

    def test_unreadable_photos_are_listed_at_the_end(self):
        rows = "".join(f"none/{i}.png\n" for i in range(250))
        (self.folder / "list.csv").write_text("path\n" + rows + "train/gala0.png\n")
        said = self.run_json("embed", "--model", "model.onnx", "--data", "list.csv", status=2)
        self.assertEqual((said["photos"], said["unreadable"], len(said["errors"])), (1, 250, 100))
        self.assertEqual((said["errors"][99]["path"], said["errors"][99]["error"]["code"]), ("none/99.png", "not_found"))
        with open(self.folder / said["errors_csv"], newline="") as file:
            self.assertEqual([row["path"] for row in csv.DictReader(file)], rows.split())
        self.run_cli("embed", "--model", "model.onnx", "--data", "test.csv")
        self.assertFalse((self.folder / "emb.errors.csv").exists(), "it was of an earlier run")

    def test_a_list_may_come_through_a_pipe(self):
        listed = "path\n" + "".join(f"{self.folder}/train/gala{i}.png\n" for i in range(4))
        done = subprocess.run([BIN / "shoplens", "embed", "--model", "model.onnx", "--data", "/dev/stdin"],
                              cwd=self.folder, input=listed, text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.folder / "emb.csv").read_text(), listed)


if __name__ == "__main__":
    unittest.main()
