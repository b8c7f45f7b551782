# SPDX-License-Identifier: Apache-2.0
"""groups and shift: what is alike stays on one side of a split, and photos of another kind are told."""
import csv
import hashlib
import itertools
import json
import re
import shutil
import unittest

from cli import BIN, CliTest

ALIKE = ["--threshold", 0.99999]  # to the tiny model all photos of a label are much alike; copies are equal


class ListTest(CliTest):
    """Lists as rows, and copies of photos."""

    def setUp(self):
        super().setUp()
        self.rows = self.read("train.csv")

    def read(self, name):
        with open(self.folder / name, newline="") as file:
            return list(csv.DictReader(file))

    def write(self, name, rows):
        with open(self.folder / name, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)

    def copy(self, photo, name):
        """A row for a copy of the photo."""
        row = next(row for row in self.rows if row["path"] == f"train/{photo}.png")
        shutil.copy(self.folder / row["path"], self.folder / f"train/{name}.png")
        return {**row, "path": f"train/{name}.png"}

    def groups(self, *words):
        return self.run_json("groups", "--model", "model.onnx", "--data", "list.csv", *ALIKE, *words)


class GroupsTest(ListTest):
    def together(self, *photos):
        """Which of the photos share a group with the first."""
        of = {row["path"]: row["group"] for row in self.read("groups.csv")}
        return [of[f"train/{photo}.png"] == of[f"train/{photos[0]}.png"] for photo in photos]

    def test_near_duplicates_share_a_group(self):
        self.write("list.csv", self.rows + [self.copy("gala0", "again"), self.copy("gala0", "thrice")])
        made = self.groups()
        self.assertEqual({**made, "errors": len(made["errors"])},
                         {"out": "groups.csv", "photos": 14, "groups": 12, "largest": 3, "near_duplicate_groups": 1,
                          "given_groups": 0, "errors": 0})
        self.assertEqual(self.together("gala0", "again", "thrice", "gala1", "fuji0"), [True] * 3 + [False] * 2)
        self.assertEqual([row["note"] for row in self.read("groups.csv")][:12], [row["note"] for row in self.rows])

    def test_groups_of_the_list_are_joined_with_those_found(self):
        rows = self.rows + [self.copy("gala0", "again")]
        given = {"gala0": "shop 1", "gala1": "shop 1", "fuji0": "shop 2", "again": "shop 2", "fuji1": "0"}
        self.write("list.csv", [{**row, "group": given.get(row["path"][6:-4], "")} for row in rows])
        made = self.groups()
        self.assertEqual([made[name] for name in ("groups", "largest", "near_duplicate_groups", "given_groups")],
                         [10, 4, 1, 3])
        # Both shops have a copy of one photo; a number that is a given name, or none, joins nothing.
        self.assertEqual(self.together("gala0", "gala1", "again", "fuji0", "fuji1", "fuji2"), [True] * 4 + [False] * 2)
        self.assertEqual(self.together("gala2", "gala3", "fuji1", "fuji2"), [True] + [False] * 3)
        said = self.run_cli("groups", "--model", "model.onnx", "--data", "list.csv", *ALIKE).stdout
        self.assertEqual(said, "groups.csv: 13 photos in 10 groups, the largest of 4; 1 groups of near-duplicates, "
                               "joined with 3 of the list's column group\n")
        # What it wrote is a list too, and joining again changes nothing.
        again = self.run_json("groups", "--model", "model.onnx", "--data", "groups.csv", "--out", "again.csv", *ALIKE)
        self.assertEqual(again["groups"], 10)
        self.assertEqual(self.read("again.csv"), self.read("groups.csv"))

    def test_mistakes_are_named(self):
        self.write("list.csv", self.rows)
        error = lambda *words: self.run_cli("groups", "--model", "model.onnx", *words, status=2).stderr
        self.assertIn("want a --column beside path and label, got label", error("--data", "list.csv", "--column", "label"))
        self.assertIn("threshold in (0, 1], got 2", error("--data", "list.csv", "--threshold", 2))
        self.write("gone.csv", [{**row, "path": "gone/" + row["path"]} for row in self.rows])
        said = error("--data", "gone.csv")
        self.assertIn("want at least 1 photos that can be read, got 0 of 12 (gone.csv)", said)
        self.assertIn("relative to the CSV", said)


@unittest.skipUnless((BIN / "shoplens-train").exists(), "built without training")
class FoldsTest(ListTest):
    """What groups finds, train keeps together: seen in the hash of its photos that each run notes."""

    def setUp(self):
        super().setUp()
        copies = [self.copy(f"{label}{i}", f"{label}{i}-again") for label in self.LABELS for i in range(3)]
        # Three pairs a label, so that 2 folds of 3 photos a label tear one apart; two of gala's are of one shop.
        rows = [row for row in self.rows if not row["path"].endswith("3.png")] + copies
        self.write("list.csv", [{**row, "group": "shop" if "/gala0." in row["path"] or "/gala1." in row["path"] else ""}
                                for row in rows])

    def hash_of(self, rows):
        photos = "".join(f"{row['path']}\t{row['label']}\t{(self.folder / row['path']).stat().st_size}\n" for row in rows)
        return hashlib.sha256(photos.encode()).hexdigest()

    def splits(self, rows):
        """Hash of the run -> groups held out, of every split that keeps groups whole."""
        names = sorted({row["group"] for row in rows})
        found = {}
        for chosen in itertools.chain(*(itertools.combinations(names, n) for n in range(1, len(names)))):
            inside = [row for row in rows if row["group"] in chosen]
            outside = [row for row in rows if row["group"] not in chosen]
            both = self.hash_of(outside) + self.hash_of(inside)
            found[hashlib.sha256(both.encode()).hexdigest()] = set(chosen)
        return found

    def held_out(self, out, *words):
        """The groups that each of two folds holds out; none for one that tears a group apart."""
        self.run_cli("train", "--data", "groups.csv", "--out", out, "--folds", 2, "--img-size", 32, "--epochs", 1,
                     "--warmup-epochs", 0, "--batch-size", 6, "--dim", 8, *words)
        splits = self.splits(self.read("groups.csv"))
        noted = [re.search("data ([0-9a-f]{64})", (self.folder / out / f"fold-{fold}/config.toml").read_text())[1]
                 for fold in (0, 1)]
        return [splits.get(data) for data in noted]

    def test_no_group_is_on_both_sides_of_a_fold(self):
        self.assertEqual(self.groups()["groups"], 8)
        first, second = self.held_out("whole", "--group-column", "group")
        self.assertIsNotNone(first)
        self.assertEqual(second, {row["group"] for row in self.read("groups.csv")} - first)
        self.assertEqual(self.held_out("torn"), [None, None])


class ShiftTest(CliTest):
    def make_photos(self):
        self.run_cli("demo-photos", "--out", "photos", "--classes", 8, "--train", 6, "--val", 12, "--test", 6,
                     "--size", 64)
        self.run_cli("index", "build", "--model", "model.onnx", "--data", "photos/train.csv")

    def shift(self, other, *words):
        return self.run_cli("shift", "--data", "photos/val.csv", "--other", other, *words)

    def test_photos_on_shelves_are_further_than_catalogue_photos(self):
        self.make_photos()
        told = self.shift("photos/test.csv", "--json")
        found = json.loads(told.stdout)
        self.assertTrue(found["flatters"])
        self.assertGreater(found["nearest_cosine"], found["nearest_cosine_other"])
        for figure in "nearest_distance", "told_apart":
            self.assertGreater(found[figure], found[figure + "_by_chance"])
        self.assertIn("validation will flatter: photos/val.csv against photos/test.csv", told.stderr)
        self.assertIn("what these measure will flatter", self.shift("photos/test.csv").stdout)

    def test_halves_of_one_list_are_alike(self):
        self.make_photos()
        head, *rows = (self.folder / "photos/val.csv").read_text().splitlines()
        for half in 0, 1:
            (self.folder / f"photos/half{half}.csv").write_text("\n".join([head, *rows[half::2]]) + "\n")
        told = self.run_cli("shift", "--data", "photos/half0.csv", "--other", "photos/half1.csv", "--json")
        found = json.loads(told.stdout)
        self.assertFalse(found["flatters"])
        self.assertAlmostEqual(found["nearest_cosine"], found["nearest_cosine_other"], delta=0.01)
        self.assertNotIn("flatter", told.stderr)

    def test_mistakes_are_named(self):
        self.build()
        self.assertIn("want --data and --other", self.run_cli("shift", "--data", "test.csv", status=2).stderr)
        self.write_list("one.csv", "one", 1)
        (self.folder / "one.csv").write_text("".join((self.folder / "one.csv").open().readlines()[:2]))
        self.assertIn("want at least 2 photos that can be read, got 1 of 1 (one.csv)", self.run_cli(
            "shift", "--data", "test.csv", "--other", "one.csv", status=2).stderr)


if __name__ == "__main__":
    unittest.main()
