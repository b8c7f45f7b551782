# SPDX-License-Identifier: Apache-2.0
"""groups and shift: what is alike stays on one side of a split, and photos of another kind are told."""
import csv
import shutil
import unittest

from cli import CliTest

ALIKE = ["--threshold", 0.99999]  # to the tiny model all photos of a label are much alike; copies are equal


class GroupsTest(CliTest):
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
        self.assertIn("none of 12 could be read (gone.csv)", said)
        self.assertIn("relative to the CSV", said)


if __name__ == "__main__":
    unittest.main()
