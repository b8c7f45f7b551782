#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""README's picture: queries with their nearest gallery photos, from the JSON of `shoplens predict --json`.

  make_neighbours_picture.py --predictions predict.json --queries test.csv --gallery train.csv --out docs/neighbours.jpg
"""
import argparse
import csv
import json
import pathlib
import random

from PIL import Image, ImageDraw, ImageFont

SIDE, GAP, TEXT = 120, 6, 30


def thumbnail(path):
    image = Image.open(path).convert("RGB")
    image.thumbnail((SIDE, SIDE))
    tile = Image.new("RGB", (SIDE, SIDE), "white")
    tile.paste(image, ((SIDE - image.width) // 2, (SIDE - image.height) // 2))
    return tile


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("predictions", "queries", "gallery", "out"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--rows", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    o = parser.parse_args()
    truth = {row["path"]: row["label"] for row in csv.DictReader(open(o.queries, newline=""))}
    root, gallery = pathlib.Path(o.queries).parent, pathlib.Path(o.gallery).parent
    answers = [a for a in json.load(open(o.predictions)) if "label" in a]
    chosen = random.Random(o.seed).sample(answers, o.rows)
    columns = 1 + len(chosen[0]["neighbours"])
    sheet = Image.new("RGB", (columns * (SIDE + GAP) + 2 * GAP, o.rows * (SIDE + GAP + TEXT) + GAP), "#f4f4f2")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(10)
    for row, answer in enumerate(chosen):
        y = GAP + row * (SIDE + GAP + TEXT)
        name = str(pathlib.Path(answer["path"]).relative_to(root))
        cells = [(root / name, truth[name], "asked: ", "#333333")] + [
            (gallery / n["path"], n["label"], f"{n['score']:.2f} ", "#1a7f37" if n["label"] == truth[name] else "#b3261e")
            for n in answer["neighbours"]]
        for column, (path, label, before, colour) in enumerate(cells):
            x = GAP + column * (SIDE + GAP) + (GAP if column else 0)
            draw.rectangle((x - 2, y - 2, x + SIDE + 1, y + SIDE + 1), fill=colour)
            sheet.paste(thumbnail(path), (x, y))
            text = before + label
            draw.text((x, y + SIDE + 3), text[:22], fill=colour, font=font)
            draw.text((x, y + SIDE + 15), text[22:44], fill=colour, font=font)
    sheet.save(o.out, quality=85)


main()
