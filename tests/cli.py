# SPDX-License-Identifier: Apache-2.0
"""The command line as a person meets it: a folder with a small catalogue, and the program run in it."""
import contextlib
import json
import os
import random
import sqlite3
import struct
import subprocess
import tempfile
import time
import unittest
import zlib
from pathlib import Path

BIN = Path(os.environ.get("SHOPLENS_BIN", "build/bin"))
TESTS = Path(os.environ.get("SHOPLENS_TESTS", "build/tests"))


def write_png(path, seed, label):
    """A 48 x 40 picture whose colours say the label, with some noise of the seed."""
    noise, base = random.Random(seed), random.Random(label)
    colour = [base.randrange(30, 226) for _ in range(3)]
    rows = b"".join(
        b"\0" + bytes(c + noise.randrange(-30, 30) for _ in range(48) for c in colour) for _ in range(40))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(
        ">I", zlib.crc32(kind + data))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 48, 40, 8, 2, 0, 0, 0)) +
                     chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class CliTest(unittest.TestCase):
    """Each test has its own folder: model.onnx, train.csv (12 photos of 3 labels), test.csv (6 others)."""

    LABELS = {"gala": "apple", "fuji": "apple", "conference": "pear"}

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        subprocess.run([TESTS / "write_tiny_model", self.folder / "model.onnx", "1"], check=True)
        self.write_list("train.csv", "train", 4)
        self.write_list("test.csv", "test", 2)

    def write_list(self, name, prefix, per_label, seed=0):
        rows = ["path,label,coarse_label,note"]
        for label, coarse in self.LABELS.items():
            for i in range(per_label):
                photo = f"{prefix}/{label}{i}.png"
                write_png(self.folder / photo, f"{prefix}{label}{i}{seed}", label)
                rows.append(f"{photo},{label},{coarse},{prefix} {i}")
        (self.folder / name).write_text("\n".join(rows) + "\n")

    def run_cli(self, *words, status=0):
        done = subprocess.run([BIN / "shoplens", *map(str, words)], cwd=self.folder, capture_output=True, text=True,
                              errors="surrogateescape")  # a file's name need not be UTF-8
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def run_json(self, *words, status=0):
        return json.loads(self.run_cli(*words, "--json", status=status).stdout)

    def stock(self, products):
        """Gives the gallery so many more products, of one photo each; their names."""
        names = [f"product {i}" for i in range(products)]
        for name in names:
            (self.folder / "stock" / name).mkdir(parents=True)
            os.link(self.folder / "train/gala0.png", self.folder / "stock" / name / "a.png")
        self.assertEqual(self.run_json("index", "add", "--data", "stock")["added"], products)
        return names

    def keep_unknowns(self, count):
        """Gives the gallery so many unknown photos, with ids from 1 on."""
        with contextlib.closing(sqlite3.connect(self.folder / "gallery.db")) as gallery, gallery:
            gallery.executemany("INSERT INTO unknowns (time, bytes, answer) VALUES (0, ?, 'null')",
                                [(b"%d" % i,) for i in range(count)])

    def build(self):
        return self.run_json("index", "build", "--data", "train.csv", "--model", "model.onnx")

    def until(self, condition, seconds=20):
        end = time.monotonic() + seconds
        while not (value := condition()):
            self.assertLess(time.monotonic(), end, "waited too long")
            time.sleep(0.05)
        return value
