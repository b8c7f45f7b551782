# SPDX-License-Identifier: Apache-2.0
"""shoplens serve end to end: the real program, asked over a real connection."""
import base64
import contextlib
import http.client
import io
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
import time
import unittest
import urllib.request
from pathlib import Path

import numpy as np
from PIL import Image

from cli import TESTS, CliTest, write_png
from serving import ServeTest, multipart
from test_serve_hostile import png


class Recognize(ServeTest):
    def test_a_photo_in_each_way_it_may_be_sent(self):
        server = self.serve()
        photo = self.photo("test/gala0.png")
        answers = [
            server.json("POST", "/v1/recognize", photo, {"Content-Type": "image/png"}),
            server.json("POST", "/v1/recognize", photo),  # told by its content
            server.json("POST", "/v1/recognize", *multipart(photo=photo)),
            server.json("POST", "/v1/recognize", {"photos": [base64.b64encode(photo).decode()]}),
        ]
        for answer in answers:
            result, = answer["results"]
            self.assertEqual(result["label"], "gala")
            self.assertFalse(result["unknown"])
            self.assertEqual(len(result["neighbours"]), 5)
            self.assertEqual(answer["model"], self.fingerprint)
            self.assertEqual(set(answer["timing_ms"]),
                             {"wait", "read", "decode", "resize", "queue", "network", "search"})
        self.assertEqual(len({json.dumps([a["results"][0]["neighbours"]]) for a in answers}), 1)
        nearest = answers[0]["results"][0]["neighbours"][0]
        status, headers, picture = server.ask("GET", nearest["photo"])
        self.assertEqual((status, headers["Content-Type"]), (200, "image/png"))
        self.assertTrue(picture.startswith(b"\x89PNG"))
        status, headers, picture = server.ask("GET", nearest["thumbnail"])
        self.assertEqual((status, headers["Content-Type"]), (200, "image/jpeg"))

    def test_it_answers_as_predict_does(self):
        server = self.serve()
        for photo in "gala0", "fuji1", "conference0":
            said = self.run_json("predict", f"test/{photo}.png")[0]
            served = server.json("POST", "/v1/recognize", self.photo(f"test/{photo}.png"))["results"][0]
            self.assertEqual(served["label"], said["label"])
            self.assertEqual([n["id"] for n in served["neighbours"]], [n["id"] for n in said["neighbours"]])
            for a, b in zip(served["neighbours"], said["neighbours"]):
                self.assertAlmostEqual(a["score"], b["score"], places=5)

    def test_one_bad_photo_harms_no_other(self):
        server = self.serve()
        body, headers = multipart(a=self.photo("test/gala0.png"), b=b"no photo", c=self.photo("test/fuji0.png"))
        results = server.json("POST", "/v1/recognize", body, headers)["results"]
        self.assertEqual([r.get("label") for r in results], ["gala", None, "fuji"])
        self.assertEqual(results[1]["error"]["code"], "unsupported")
        self.assertEqual([r["name"] for r in results], ["a.png", "b.png", "c.png"])
        server.error(415, "unsupported", "POST", "/v1/recognize", b"no photo")
        server.error(422, "corrupt", "POST", "/v1/recognize", self.photo("test/gala0.png")[:300])

    def test_what_is_no_request_is_told_so(self):
        server = self.serve("--max-photos", 2, "--max-body", 1)
        photo = self.photo("test/gala0.png")
        server.error(400, "bad_request", "POST", "/v1/recognize", b"")
        server.error(413, "too_many_photos", "POST", "/v1/recognize", *multipart(a=photo, b=photo, c=photo))
        server.error(413, "too_large", "POST", "/v1/recognize", bytes(1 << 20) + b"x")
        server.error(400, "bad_request", "POST", "/v1/recognize?top=none", photo)
        server.error(400, "bad_request", "POST", "/v1/recognize", b"{", {"Content-Type": "application/json"})
        server.error(400, "bad_request", "POST", "/v1/recognize", {"photos": ["%%%"]})
        server.error(404, "not_found", "POST", "/v1/recognise", photo)
        server.error(405, "method_not_allowed", "GET", "/v1/recognize")
        self.assertEqual(server.ask("GET", "/v1/recognize")[1]["Allow"], "POST")

    def test_the_neighbours_one_asks_for(self):
        server = self.serve("--top", 3)
        photo = self.photo("test/gala0.png")
        result = server.json("POST", "/v1/recognize", photo)["results"][0]
        self.assertEqual(len(result["neighbours"]), 3)
        result = server.json("POST", "/v1/recognize?top=1", photo)["results"][0]
        self.assertEqual(len(result["neighbours"]), 1)

    def test_a_heat_map_of_what_matched(self):
        server = self.serve()
        photo = self.photo("test/gala0.png")
        heat = server.json("POST", "/v1/explain?item=1", photo)
        for side in "photo", "item":
            self.assertEqual(len(heat[side]["heat"]), heat[side]["rows"] * heat[side]["columns"])
            self.assertEqual(len(heat[side]["window"]), 4)
        self.assertEqual(max(heat["photo"]["heat"] + heat["item"]["heat"]), 1)
        server.error(404, "not_found", "POST", "/v1/explain?item=99", photo)
        server.error(400, "bad_request", "POST", "/v1/explain", photo)
        server.error(415, "unsupported", "POST", "/v1/explain?item=1", b"no photo")
        (self.folder / "model.onnx").rename(self.folder / "away.onnx")
        server.stop()
        server = self.serve("--model", self.folder / "away.onnx",
                            env={**os.environ, "XDG_CACHE_HOME": str(self.folder / "cache")})
        (self.folder / "away.onnx").unlink()  # the feature maps are read when they are first asked for
        server.error(500, "internal", "POST", "/v1/explain?item=1", photo)

    def test_the_page_and_all_that_it_names(self):
        server = self.serve()
        types = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
        # As behind a proxy that has it below a path: what the page names is relative to it.
        below, found, wanted = "/recognise", {}, ["/recognise/"]
        while wanted:
            path = wanted.pop()
            self.assertTrue(path.startswith(below + "/"), path)
            status, headers, content = server.ask("GET", path.removeprefix(below))
            self.assertEqual((status, headers["Content-Type"]), (200, types[path.partition(".")[2] or "html"]), path)
            found[path] = content.decode()
            names = re.findall(r"""(?:src|href)="([^"#:]+)"|^import .*?'(\./[^']+)';$""", found[path], re.MULTILINE)
            wanted += {urllib.parse.urljoin(path, "".join(name)) for name in names} - found.keys() - set(wanted)
        self.assertIn(below + "/app.css", found)
        described = server.json("GET", "/openapi.json")
        self.assertEqual(urllib.parse.urljoin(below + "/openapi.json", described["servers"][0]["url"]), below + "/")
        told = described["paths"]["/{file}"]["parameters"][0]["schema"]["enum"]
        self.assertEqual(set(told), {path.rpartition("/")[2] for path in found if path != below + "/"})
        server.error(404, "not_found", "GET", "/index.html")
        server.error(404, "not_found", "GET", "/other.js")


class Draft(ServeTest):
    """A network that declares that it sees large JPEGs decoded smaller: the server's pixels are then Pillow's draft too."""

    def setUp(self):
        super().setUp()
        subprocess.run([TESTS / "write_tiny_model", self.folder / "draft.onnx", "1", "16", "draft"], check=True)
        rows = ["path,label"]
        for i, photo in enumerate(sorted((self.folder / "train").iterdir())):
            Image.open(photo).resize((500 + 8 * i, 400), Image.Resampling.BICUBIC).save(self.folder / f"{i}.jpg")
            rows.append(f"{i}.jpg,{photo.stem[:-1]}")
        (self.folder / "large.csv").write_text("\n".join(rows) + "\n")
        self.run_cli("index", "build", "--gallery", "draft.db", "--model", "draft.onnx", "--data", "large.csv")
        self.server = self.serve(gallery="draft.db")

    def png(self, image):
        out = io.BytesIO()
        image.save(out, "PNG")
        return out.getvalue()

    def drafted(self, name, size):
        """The photo as small as it can be decoded with twice the network's 32 pixels; a PNG is decoded as it is."""
        image = Image.open(self.folder / name)
        image.draft("RGB", (64, 64))
        self.assertEqual(image.size, size)
        return self.png(image)

    def test_it_answers_by_the_pixels_of_the_draft(self):
        said = self.run_json("predict", "3.jpg", "--gallery", "draft.db")[0]
        answers = [self.server.json("POST", "/v1/recognize", photo)["results"][0]
                   for photo in (self.photo("3.jpg"), self.drafted("3.jpg", (131, 100)))]
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(answers[0]["label"], said["label"])
        self.assertGreater(answers[0]["score"], 0.999999)  # it finds itself
        whole = self.png(Image.open(self.folder / "3.jpg"))
        other = self.server.json("POST", "/v1/recognize", whole)["results"][0]
        self.assertNotEqual(other["neighbours"], answers[0]["neighbours"])

    def test_what_matched_is_of_the_draft(self):
        heat = [self.server.json("POST", "/v1/explain?item=2", photo)
                for photo in (self.photo("3.jpg"), self.drafted("3.jpg", (131, 100)))]
        self.assertEqual(heat[0], heat[1])

    def test_a_photo_that_joins_is_found_by_itself(self):
        large = Image.open(self.folder / "test/gala1.png").resize((720, 560), Image.Resampling.BICUBIC)
        large.save(self.folder / "new.jpg")
        self.server.json("POST", "/v1/items?label=new", self.photo("new.jpg"), status=201)
        for photo in self.photo("new.jpg"), self.drafted("new.jpg", (90, 70)):
            result = self.server.json("POST", "/v1/recognize", photo)["results"][0]
            self.assertEqual(result["neighbours"][0]["label"], "new")
            self.assertGreater(result["neighbours"][0]["score"], 0.999999)

    def test_a_small_picture_is_the_photo(self):
        item = self.server.json("GET", "/v1/items?limit=1")["items"][0]
        for side in 16, 50, 100, 240:
            status, _, picture = self.server.ask("GET", f"/v1/items/{item['id']}/photo?side={side}")
            self.assertEqual(status, 200)
            small = Image.open(io.BytesIO(picture)).convert("L")  # without the colours, which such a JPEG has by half
            whole = Image.open(self.folder / item["path"]).convert("L")
            self.assertEqual(max(small.size), side)
            self.assertAlmostEqual(small.size[1] / small.size[0], whole.size[1] / whole.size[0], delta=0.04)
            want = np.asarray(whole.resize(small.size, Image.Resampling.BILINEAR), float)
            self.assertLess(np.abs(np.asarray(small) - want).mean(), 4)


class Catalogue(ServeTest):
    def test_items_are_added_found_shown_and_removed(self):
        server = self.serve()
        photo = self.photo("test/fuji0.png")
        body, headers = multipart(photo=photo, label=b"kiwi", shelf=b"3")
        added = server.json("POST", "/v1/items", body, headers, status=201)
        self.assertEqual((added["added"], added["existing"]), (1, 0))
        item = added["items"][0]
        self.assertEqual((item["label"], item["columns"]), ("kiwi", {"shelf": "3"}))
        result = server.json("POST", "/v1/recognize", photo)["results"][0]
        self.assertEqual((result["label"], result["neighbours"][0]["id"]), ("kiwi", item["id"]))
        self.assertEqual(server.ask("GET", item["photo"])[2], photo)
        self.assertEqual(server.json("GET", f"/v1/items/{item['id']}"), item)
        # The same photo again is there already.
        again = server.json("POST", "/v1/items", *multipart(photo=photo, label=b"kiwi"), status=201)
        self.assertEqual((again["added"], again["existing"], again["relabelled"]), (0, 1, 0))
        self.assertEqual(again["items"][0]["id"], item["id"])
        # Under another name it is corrected: what was said last holds.
        again = server.json("POST", "/v1/items", *multipart(photo=photo, label=b"plum"), status=201)
        self.assertEqual((again["added"], again["existing"], again["relabelled"]), (0, 1, 1))
        self.assertEqual((again["items"][0]["id"], again["items"][0]["label"]), (item["id"], "plum"))
        self.assertEqual(server.json("POST", "/v1/recognize", photo)["results"][0]["label"], "plum")
        self.assertNotIn("kiwi", [l["label"] for l in server.json("GET", "/v1/labels")["labels"]])
        self.assertEqual(server.json("DELETE", f"/v1/items/{item['id']}"), {"removed": 1})
        server.error(404, "not_found", "DELETE", f"/v1/items/{item['id']}")
        server.error(404, "not_found", "GET", item["photo"])
        self.assertNotEqual(server.json("POST", "/v1/recognize", photo)["results"][0]["label"], "plum")
        self.assertTrue(self.run_json("index", "verify")["sound"])

    def test_a_photo_that_the_gallery_was_built_from_is_corrected_too(self):
        server = self.serve()
        photo, before = self.photo("train/gala0.png"), server.json("GET", "/v1/items?label=gala")["items"][0]
        self.assertEqual(before["path"], "train/gala0.png")
        said = server.json("POST", "/v1/items", *multipart(photo=photo, label=b"rare"), status=201)
        self.assertEqual((said["added"], said["existing"], said["relabelled"]), (0, 1, 1))
        self.assertEqual(said["items"][0], {**before, "label": "rare"})
        result = server.json("POST", "/v1/recognize", photo)["results"][0]
        self.assertEqual((result["label"], result["neighbours"][0]["id"]), ("rare", before["id"]))
        body, headers = multipart(photos={"gala/0.png": photo, "gala/new.png": self.photo("test/gala0.png")})
        job = server.json("POST", "/v1/imports", body, headers, status=202)
        job = self.ended(server, f"/v1/imports/{job['id']}")
        self.assertEqual((job["added"], job["existing"], job["relabelled"]), (1, 1, 1), job)
        self.assertTrue(self.run_json("index", "verify")["sound"])

    def test_photos_out_of_reach_are_as_if_gone(self):
        """As in a folder that a systemd unit hides; a link to itself nobody may pass, root neither."""
        made, served, photo = self.folder / "made", self.folder / "served", self.photo("train/gala1.png")
        (made / "models").mkdir(parents=True)
        served.mkdir()
        for name in "train", "train.csv":
            (self.folder / name).rename(made / name)
        (self.folder / "model.onnx").rename(made / "models/model.onnx")
        self.run_cli("index", "build", "--data", "made/train.csv", "--model", "made/models/model.onnx",
                     "--gallery", "made/gallery.db")
        for name in "gallery.db", "models/model.onnx":
            shutil.move(made / name, served)
        shutil.rmtree(made)
        made.symlink_to("made")
        server = self.serve(gallery=served / "gallery.db")
        server.error(404, "photo_gone", "GET", "/v1/items/1/photo")
        server.error(404, "photo_gone", "POST", "/v1/explain?item=1", photo)
        added = server.json("POST", "/v1/items", *multipart(photo=photo, label=b"fuji"), status=201)
        self.assertEqual(added["added"], 1)  # that it is a copy nobody can tell
        body, headers = multipart(photos={"kiwi/1.png": self.photo("test/gala0.png")})
        job = self.ended(server, "/v1/imports/%d" % server.json("POST", "/v1/imports", body, headers, status=202)["id"])
        self.assertEqual((job["state"], job["added"]), ("done", 1), job)
        subprocess.run([TESTS / "write_tiny_model", self.folder / "other.onnx", "2"], check=True)
        model = (self.folder / "other.onnx").read_bytes()
        job = server.json("POST", "/v1/upgrades?drop_unreadable=true", model, status=202)
        job = self.ended(server, f"/v1/upgrades/{job['id']}")
        self.assertEqual((job["state"], job["failed"]), ("done", 12), job)

    def test_a_thumbnail_of_what_cannot_be_decoded(self):
        server = self.serve("--max-megapixels", 1)
        photo, path = self.photo("train/gala0.png"), "/v1/items/1/photo"
        for now, code in ((photo[:300], "corrupt"), (png(1001, 1000), "bad_input")):
            (self.folder / "train/gala0.png").write_bytes(now)
            server.error(422, code, "GET", path + "?side=160")
            self.assertEqual(server.ask("GET", path)[2], now)

    def test_items_page_by_page(self):
        server = self.serve()
        page = server.json("GET", "/v1/items?limit=5")
        self.assertEqual(len(page["items"]), 5)
        ids = [item["id"] for item in page["items"]]
        while page["next_after"]:
            page = server.json("GET", f"/v1/items?limit=5&after={page['next_after']}")
            ids += [item["id"] for item in page["items"]]
        self.assertEqual(ids, list(range(1, 13)))
        self.assertEqual({i["label"] for i in server.json("GET", "/v1/items?label=fuji")["items"]}, {"fuji"})
        server.error(400, "bad_request", "GET", "/v1/items?limit=0")

    def test_labels_page_by_page(self):
        names = self.stock(1200)
        self.assertTrue(self.run_json("index", "verify")["sound"])
        server = self.serve()
        pages = [server.json("GET", "/v1/labels")]
        self.assertEqual(len(pages[0]["labels"]), 100)
        while after := pages[-1]["next_after"]:
            pages.append(server.json("GET", f"/v1/labels?limit=1000&after={after}"))
            if len(pages) == 2:  # what changes between two pages hides nothing else
                last = pages[-1]["labels"][-1]["label"]
                server.json("DELETE", f"/v1/labels/{urllib.parse.quote(last)}")
                server.json("PUT", "/v1/labels/gala", {"name": "Gala"})
        self.assertEqual([len(page["labels"]) for page in pages], [100, 1000, 104])
        labels = [label for page in pages for label in page["labels"]]
        self.assertEqual(sorted(l["label"] for l in labels), sorted([*names, "conference", "fuji", "gala", "Gala"]))
        self.assertEqual({l["photos"] for l in labels}, {1, 4})
        photo = server.ask("GET", labels[700]["thumbnail"])
        self.assertEqual((photo[0], photo[1]["Content-Type"]), (200, "image/jpeg"))
        for wrong in "limit=0", "limit=1001", "after=-1", "after=gala":
            server.error(400, "bad_request", "GET", f"/v1/labels?{wrong}")

    def test_a_change_with_a_key_is_done_once_also_after_a_restart(self):
        server = self.serve()
        body, headers = multipart(photo=self.photo("test/fuji0.png"), label=b"kiwi")
        headers["Idempotency-Key"] = "one"
        first = server.json("POST", "/v1/items", body, headers, status=201)
        self.assertEqual(server.json("POST", "/v1/items", body, headers, status=201), first)
        server.stop()
        server = self.serve()
        # As most programs send a form again: with another boundary.
        body, headers = multipart(photo=self.photo("test/fuji0.png"), label=b"kiwi", boundary="another")
        headers["Idempotency-Key"] = "one"
        self.assertEqual(server.json("POST", "/v1/items", body, headers, status=201), first)
        other, more = multipart(photo=self.photo("test/fuji1.png"), label=b"kiwi")
        server.error(409, "key_used", "POST", "/v1/items", other, {**more, "Idempotency-Key": "one"})
        key = {"Idempotency-Key": "two"}
        path = f"/v1/items/{first['items'][0]['id']}"
        self.assertEqual(server.json("DELETE", path, headers=key), {"removed": 1})
        self.assertEqual(server.json("DELETE", path, headers=key), {"removed": 1})  # not 404

    def test_labels_are_listed_renamed_merged_and_deleted(self):
        server = self.serve()
        labels = server.json("GET", "/v1/labels")["labels"]
        self.assertEqual({l["label"]: l["photos"] for l in labels}, {"conference": 4, "fuji": 4, "gala": 4})
        answer = server.json("PUT", "/v1/labels/gala", {"name": "gala"})
        self.assertEqual(answer, {"label": "gala", "photos": 4, "merged": False})  # with itself
        answer = server.json("PUT", "/v1/labels/gala", {"name": "Äpfel / süß"})
        self.assertEqual(answer, {"label": "Äpfel / süß", "photos": 4, "merged": False})
        photo = self.photo("test/gala0.png")
        self.assertEqual(server.json("POST", "/v1/recognize", photo)["results"][0]["label"], "Äpfel / süß")
        answer = server.json("PUT", "/v1/labels/%C3%84pfel%20%2F%20s%C3%BC%C3%9F", {"name": "fuji"})
        self.assertEqual(answer, {"label": "fuji", "photos": 8, "merged": True} | {"photos": answer["photos"]})
        self.assertEqual(server.json("DELETE", "/v1/labels/fuji"), {"removed": 8})
        server.error(404, "not_found", "PUT", "/v1/labels/fuji", {"name": "gala"})
        server.error(400, "bad_request", "PUT", "/v1/labels/conference", {"name": " padded "})
        server.error(400, "bad_request", "PUT", "/v1/labels/conference", {"name": "x" * 201})
        self.assertTrue(self.run_json("index", "verify")["sound"])

    def test_an_empty_gallery_knows_nothing_and_can_be_filled(self):
        server = self.serve()
        for label in self.LABELS:
            server.json("DELETE", f"/v1/labels/{label}")
        photo = self.photo("test/gala0.png")
        result = server.json("POST", "/v1/recognize", photo)["results"][0]
        self.assertEqual((result["label"], result["unknown"], result["neighbours"]), (None, True, []))
        status = server.json("GET", "/v1/status")
        self.assertEqual((status["photos_answered"], status["photos_unknown"]), (1, 1))
        self.assertEqual(status["limits"], {"photos": 16, "photos_bytes": 32 << 20, "upload_bytes": 256 << 20})
        # A new shop's first photos wait for their names.
        unknown, = self.until(lambda: server.json("GET", "/v1/unknowns")["unknowns"])
        self.assertIsNone(unknown["answer"]["label"])
        server.json("POST", f"/v1/unknowns/{unknown['id']}", {"label": "first"}, status=201)
        self.assertEqual(server.json("POST", "/v1/recognize", photo)["results"][0]["label"], "first")

    def test_an_import_tells_how_far_it_is(self):
        server = self.serve()
        photos = {}
        for i in range(150):
            write_png(self.folder / "one.png", f"import{i}", f"label{i % 3}")
            photos[f"new/label{i % 3}/{i}.png"] = self.photo("one.png")
        photos["new/label0/torn.png"] = b"torn"
        job = server.json("POST", "/v1/imports", *multipart(photos), status=202)
        self.assertEqual(job["total"], 151)
        job = self.ended(server, f"/v1/imports/{job['id']}")
        self.assertEqual((job["state"], job["done"], job["added"], job["failed"]), ("done", 151, 150, 1))
        self.assertEqual(job["errors"][0]["name"], "new/label0/torn.png")
        self.assertEqual(server.json("GET", "/v1/status")["items"], 162)
        again = server.json("POST", "/v1/imports", *multipart(photos), status=202)
        again = self.ended(server, f"/v1/imports/{again['id']}")
        self.assertEqual((again["added"], again["existing"], again["relabelled"]), (0, 150, 0))
        sorted_anew = {name.replace("label0", "label1"): photo for name, photo in list(photos.items())[:6]}
        anew = server.json("POST", "/v1/imports", *multipart(sorted_anew), status=202)
        anew = self.ended(server, f"/v1/imports/{anew['id']}")
        self.assertEqual((anew["added"], anew["existing"], anew["relabelled"]), (0, 6, 2))
        self.assertEqual(len(server.json("GET", "/v1/imports")["jobs"]), 3)
        # Sent twice with one key it is one job; the form's boundary is not of what it asks.
        body, headers = multipart(sorted_anew)
        key = {"Idempotency-Key": "one-import"}
        first = server.json("POST", "/v1/imports", body, {**headers, **key}, status=202)
        body, headers = multipart(sorted_anew, boundary="another")
        again = server.json("POST", "/v1/imports", body, {**headers, **key}, status=202)
        self.assertEqual(again["id"], first["id"])
        server.error(409, "key_used", "POST", "/v1/imports", *(lambda b, h: (b, {**h, **key}))(*multipart(photos)))
        self.ended(server, f"/v1/imports/{first['id']}")
        self.assertEqual(len(server.json("GET", "/v1/imports")["jobs"]), 4)
        server.error(400, "bad_request", "POST", "/v1/imports", *multipart({"no-folder.png": b"x"}))
        server.error(404, "not_found", "GET", "/v1/imports/99")
        self.assertTrue(self.run_json("index", "verify")["sound"])

    def test_imports_that_wait_have_so_much_of_the_disk(self):
        server = self.serve("--max-upload", 1)
        large = png(5000, 5000)
        photos = {f"large/{i}.png": large + bytes([i]) + bytes(90_000 - len(large)) for i in range(10)}
        answers = [server.ask("POST", "/v1/imports", *multipart(photos)) for _ in range(3)]
        self.assertEqual([answer[0] for answer in answers], [202, 202, 429])
        self.assertEqual(answers[2][1]["Retry-After"], "5")
        for job in server.json("GET", "/v1/imports")["jobs"]:
            server.json("DELETE", f"/v1/imports/{job['id']}")
        self.assertEqual(list((self.folder / "gallery.db.imports").iterdir()), [])
        # They give back what they held.
        self.until(lambda: server.ask("POST", "/v1/imports", *multipart(photos))[0] == 202)

    def test_an_import_that_the_end_cuts_off_goes_on(self):
        server = self.serve()
        large = png(5000, 5000)
        body, headers = multipart({f"large/{i}.png": large + bytes([i]) for i in range(40)})
        headers["Idempotency-Key"] = "cut-off"
        job = server.json("POST", "/v1/imports", body, headers, status=202)
        waiting = server.json("POST", "/v1/imports", *multipart({"small/0.png": self.photo("test/gala0.png")}), status=202)
        server.stop()
        for id, total in (job["id"], 40), (waiting["id"], 1):
            self.assertRegex(server.log, rf"job {id}: cut off by the service's end, after \d+ of {total} photos; it goes on when")
        self.run_cli("index", "remove", "--label", "gala")  # what others change meanwhile is no matter
        server.start()
        self.assertEqual(server.json("POST", "/v1/imports", body, headers, status=202)["id"], job["id"])
        for id, total in (job["id"], 40), (waiting["id"], 1):
            ended = self.ended(server, f"/v1/imports/{id}")
            self.assertEqual((ended["state"], ended["done"], ended["added"]), ("done", total, total))
        again = server.json("POST", "/v1/imports", *multipart({"large/0.png": large}), status=202)
        self.assertGreater(again["id"], waiting["id"])

    def test_other_processes_changes_are_seen(self):
        server = self.serve()
        self.write_list("more.csv", "more", 1)
        self.run_json("index", "add", "--data", "more.csv")
        self.until(lambda: server.json("GET", "/v1/status")["items"] == 15)
        self.run_cli("index", "remove", "--label", "gala")
        self.until(lambda: server.json("GET", "/v1/status")["labels"] == 2)

    def test_snapshot_and_restore_while_serving(self):
        server = self.serve()
        snapshot = server.ask("GET", "/v1/snapshot")[2]
        server.json("DELETE", "/v1/labels/gala")
        self.assertEqual(server.json("GET", "/v1/status")["items"], 8)
        server.error(422, "bad_input", "POST", "/v1/restore", b"")
        server.error(422, "corrupt", "POST", "/v1/restore", snapshot[:5000])
        self.assertEqual(server.json("GET", "/v1/status")["items"], 8)
        server.json("POST", "/v1/restore", snapshot)
        self.assertEqual(server.json("GET", "/v1/status")["items"], 12)
        self.assertTrue(self.run_json("index", "verify")["sound"])

    def test_a_snapshot_of_a_model_that_is_not_here_changes_nothing(self):
        server = self.serve()
        (self.folder / "elsewhere").mkdir()
        subprocess.run([TESTS / "write_tiny_model", self.folder / "elsewhere/far.onnx", "2"], check=True)
        self.run_cli("index", "build", "--model", "elsewhere/far.onnx", "--data", "train.csv",
                     "--gallery", "elsewhere/g.db")
        self.run_cli("index", "snapshot", "--gallery", "elsewhere/g.db", "--out", "snapshot.db")
        (self.folder / "elsewhere/far.onnx").rename(self.folder / "elsewhere/away.onnx")
        error = server.error(422, "no_model", "POST", "/v1/restore", self.photo("snapshot.db"))
        self.assertIn("far.onnx", error["message"])
        server.json("DELETE", "/v1/items/1")
        server.stop()
        server.start()
        status = server.json("GET", "/v1/status")
        self.assertEqual((status["items"], status["model"]["fingerprint"]), (11, self.fingerprint))
        (self.folder / "elsewhere/away.onnx").rename(self.folder / "far.onnx")
        server.json("POST", "/v1/restore", self.photo("snapshot.db"))
        status = server.json("GET", "/v1/status")
        self.assertEqual(status["items"], 12)
        self.assertNotEqual(status["model"]["fingerprint"], self.fingerprint)

    def test_a_large_gallery_is_no_load_on_memory_and_can_be_put_back(self):
        server = self.serve("--max-upload", 1)
        for i in range(3):
            photo = self.photo("test/fuji0.png") + random.Random(i).randbytes(20 << 20)
            server.json("POST", "/v1/items", *multipart(photo=photo, label=b"large"), status=201)
        before, sizes = server.rss(), []
        connections = [server.connection() for _ in range(8)]
        for connection in connections:  # whose answers wait
            connection.request("GET", "/v1/snapshot")
        responses = [connection.getresponse() for connection in connections]
        self.assertLess(server.rss() - before, 150, "of 8 x 60 MiB")
        for response in responses:
            snapshot = response.read()
            sizes.append(len(snapshot))
        self.assertGreater(min(sizes), 60 << 20)
        server.json("DELETE", "/v1/labels/large")
        before = server.rss()
        server.json("POST", "/v1/restore", snapshot)
        self.assertLess(server.rss() - before, 50)
        self.assertEqual(server.json("GET", "/v1/status")["items"], 15)
        server.stop()
        server = self.serve("--max-restore", 1)
        server.error(413, "too_large", "POST", "/v1/restore", snapshot[:2 << 20])

    def test_two_writers_and_readers_lose_nothing(self):
        server = self.serve()
        photos = []
        for i in range(40):
            write_png(self.folder / "one.png", f"writer{i}", f"writer{i}")
            photos.append(self.photo("one.png"))
        faults, answered, stop, end = [], [], threading.Event(), time.monotonic() + 60

        def write(mine):
            for i in mine:
                self.until(lambda: len(answered) >= 2 * i, 60)  # so that reads and writes do meet
                while (got := server.ask("POST", "/v1/items", *multipart(photo=photos[i], label=b"w%d" % i)))[0] == 429:
                    time.sleep(0.05)
                answer = json.loads(got[2])
                while (got := server.ask("POST", "/v1/recognize", photos[i]))[0] == 429:
                    time.sleep(0.05)
                found = json.loads(got[2])["results"][0]
                if answer["added"] != 1 or found["neighbours"][0]["id"] != answer["items"][0]["id"]:
                    faults.append(found)

        def read():
            mine = 0
            while not stop.is_set() or mine == 0:
                status, _, answer = server.ask("POST", "/v1/recognize", photos[0])
                if status == 200:
                    mine += 1
                    answered.append(status)
                    if json.loads(answer)["results"][0]["label"] is None:
                        faults.append("nothing")
                elif status != 429 or (not mine and time.monotonic() > end):
                    return faults.append(f"{mine} answers, then {status}")
                time.sleep(0.2)

        readers = [threading.Thread(target=self.safe(read, faults)) for _ in range(100)]
        writers = [threading.Thread(target=self.safe(lambda m=m: write(m), faults))
                   for m in (range(0, 40, 2), range(1, 40, 2))]
        for thread in readers + writers:
            thread.start()
        for thread in writers:
            thread.join()
        stop.set()
        for thread in readers:
            thread.join()
        self.assertEqual(faults, [])
        self.assertGreaterEqual(len(answered), 100)  # each reader had one
        self.assertEqual(server.json("GET", "/v1/status")["items"], 52)
        self.assertTrue(self.run_json("index", "verify")["sound"])


class Upgrade(ServeTest):
    def test_another_model_takes_over_at_once_and_nobody_notices(self):
        subprocess.run([TESTS / "write_tiny_model", self.folder / "other.onnx", "2"], check=True)
        server = self.serve()
        added = self.photo("test/fuji1.png")  # its photo is in the gallery alone
        server.json("POST", "/v1/items", *multipart(photo=added, label=b"fuji"), status=201)
        faults, models, stop = [], set(), threading.Event()

        def read():
            while not stop.is_set():
                answer = server.json("POST", "/v1/recognize", added)
                models.add(answer["model"])
                best = answer["results"][0]["neighbours"][0]
                # A photo of the gallery finds itself, unless vectors of two models were compared.
                if best["score"] < 0.999 or best["label"] != "fuji":
                    faults.append(best)

        reader = threading.Thread(target=self.safe(read, faults))
        reader.start()
        job = server.json("POST", "/v1/upgrades", (self.folder / "other.onnx").read_bytes(), status=202)
        job = self.ended(server, f"/v1/upgrades/{job['id']}")
        self.assertEqual((job["state"], job["done"], job["total"]), ("done", 13, 13), job)
        self.until(lambda: len(models) == 2)
        stop.set()
        reader.join()
        self.assertEqual(faults, [])
        self.assertNotEqual(server.json("GET", "/v1/status")["model"]["fingerprint"], self.fingerprint)
        self.assertTrue(self.run_json("index", "verify")["sound"])
        server.error(409, "same_model", "POST", "/v1/upgrades", (self.folder / "other.onnx").read_bytes())
        server.error(422, "corrupt", "POST", "/v1/upgrades", b"no model")
        # Added later, it is embedded by the new model.
        server.json("POST", "/v1/items", *multipart(photo=self.photo("test/gala1.png"), label=b"gala"), status=201)
        server.stop()
        self.assertEqual(self.run_json("predict", "test/gala1.png")[0]["neighbours"][0]["label"], "gala")

    def test_it_takes_over_from_a_model_that_was_named(self):
        subprocess.run([TESTS / "write_tiny_model", self.folder / "other.onnx", "2"], check=True)
        (self.folder / "elsewhere").mkdir()
        (self.folder / "model.onnx").rename(self.folder / "elsewhere/model.onnx")
        server = self.serve("--model", self.folder / "elsewhere/model.onnx")
        model, photo = (self.folder / "other.onnx").read_bytes(), self.photo("train/gala0.png")
        job = self.ended(server, "/v1/upgrades/%d" % server.json("POST", "/v1/upgrades", model, status=202)["id"])
        self.assertEqual(job["state"], "done", job)
        for _ in range(2):
            self.assertNotEqual(server.json("GET", "/v1/status")["model"]["fingerprint"], self.fingerprint)
            result = server.json("POST", "/v1/recognize", photo)["results"][0]
            self.assertGreater(result["neighbours"][0]["score"], 0.999)
            server.stop()
            server = self.serve("--model", self.folder / "elsewhere/model.onnx")  # as its unit still says
        self.assertIn("--model is not what", server.log)

    def test_a_photo_that_is_gone_keeps_the_old_model(self):
        subprocess.run([TESTS / "write_tiny_model", self.folder / "other.onnx", "2"], check=True)
        server = self.serve()
        (self.folder / "train/gala0.png").unlink()
        model = (self.folder / "other.onnx").read_bytes()
        job = self.ended(server, "/v1/upgrades/%d" % server.json("POST", "/v1/upgrades", model, status=202)["id"])
        self.assertEqual((job["state"], job["failed"]), ("failed", 1))
        self.assertEqual(job["errors"][0]["name"], "train/gala0.png")
        self.assertEqual(server.json("GET", "/v1/status")["model"]["fingerprint"], self.fingerprint)
        self.assertEqual(list(self.folder.glob("gallery-*.onnx")), [])
        job = server.json("POST", "/v1/upgrades?drop_unreadable=true", model, status=202)
        self.assertEqual(self.ended(server, f"/v1/upgrades/{job['id']}")["state"], "done")
        self.assertEqual(server.json("GET", "/v1/status")["items"], 11)
        self.assertEqual(len(list(self.folder.glob("gallery-*.onnx"))), 1)

    def test_a_photo_that_the_gallery_took_and_the_server_would_not_is_kept(self):
        subprocess.run([TESTS / "write_tiny_model", self.folder / "other.onnx", "2"], check=True)
        Image.frombytes("RGB", (1100, 1000), random.Random(1).randbytes(3_300_000)).save(self.folder / "large.png")
        (self.folder / "large.csv").write_text("path,label\nlarge.png,kiwi\n")
        self.assertEqual(self.run_json("index", "add", "--data", "large.csv")["added"], 1)
        server = self.serve("--max-megapixels", 1, "--max-body", 1)
        model = (self.folder / "other.onnx").read_bytes()
        job = server.json("POST", "/v1/upgrades?drop_unreadable=true", model, status=202)
        job = self.ended(server, f"/v1/upgrades/{job['id']}")
        self.assertEqual((job["state"], job["done"], job["failed"]), ("done", 13, 0), job)
        self.assertEqual(server.json("GET", "/v1/status")["items"], 13)

    def test_no_answer_tells_where_photos_are_on_the_server(self):
        (self.folder / "deep").mkdir()
        rows = [f"{self.folder}/train/gala0.png,gala", "../train/gala1.png,gala", "../deep/../test/./gala0.png,gala"]
        (self.folder / "deep/list.csv").write_text("path,label\n" + "\n".join(rows) + "\n")
        self.run_cli("index", "build", "--data", "deep/list.csv", "--model", "model.onnx", "--gallery", "deep.db")
        subprocess.run([TESTS / "write_tiny_model", self.folder / "other.onnx", "2"], check=True)
        server = self.serve(gallery="deep.db")
        items = server.json("GET", "/v1/items")["items"]
        self.assertEqual([i["path"] for i in items], ["gala0.png", "gala1.png", "gala0.png"])
        self.assertEqual(server.json("GET", "/v1/items/1")["path"], "gala0.png")
        (self.folder / "train/gala0.png").unlink()
        model = (self.folder / "other.onnx").read_bytes()
        job = self.ended(server, "/v1/upgrades/%d" % server.json("POST", "/v1/upgrades", model, status=202)["id"])
        self.assertEqual([e["name"] for e in job["errors"]], ["gala0.png"])

    def test_the_command_upgrades_beside_a_server(self):
        subprocess.run([TESTS / "write_tiny_model", self.folder / "other.onnx", "2"], check=True)
        server = self.serve()
        done = self.run_json("index", "upgrade", "--model", "other.onnx")
        self.assertEqual((done["switched"], done["embedded"]), (True, 12))
        self.until(lambda: server.json("GET", "/v1/status")["model"]["fingerprint"] == done["model"])
        result = server.json("POST", "/v1/recognize", self.photo("train/gala0.png"))["results"][0]
        self.assertGreater(result["neighbours"][0]["score"], 0.999)
        error = self.run_cli("index", "upgrade", "--model", "other.onnx", status=2).stderr
        self.assertIn("want another model than its own", error)


class Unknown(ServeTest):
    def test_an_unknown_photo_waits_for_its_name(self):
        self.write_list("held.csv", "held", 12)
        (self.folder / "strangers").mkdir()
        for i in range(30):
            write_png(self.folder / f"strangers/{i}.png", f"s{i}", f"one more label {i}")
        self.run_cli("calibrate", "--data", "held.csv", "--strangers", "strangers")
        server = self.serve("--keep-unknown", 3)
        write_png(self.folder / "strange.png", "strange", "a label that no other photo has")
        strange = self.photo("strange.png")
        known = server.json("POST", "/v1/recognize", self.photo("test/gala0.png"))["results"][0]
        self.assertFalse(known["unknown"])
        self.assertGreater(known["probability"], 0.5)
        result = server.json("POST", "/v1/recognize", strange)["results"][0]
        self.assertTrue(result["unknown"], result)
        self.until(lambda: server.json("GET", "/v1/unknowns")["unknowns"])
        unknown, = server.json("GET", "/v1/unknowns")["unknowns"]
        self.assertEqual(unknown["answer"]["label"], result["label"])
        status, headers, photo = server.ask("GET", unknown["photo"])
        self.assertEqual(photo, strange)
        self.assertEqual(headers["Cache-Control"], "no-store")  # it is a customer's
        path = f"/v1/unknowns/{unknown['id']}"
        key = {"Idempotency-Key": "name"}
        added = server.json("POST", path, {"label": "strange"}, key, status=201)
        self.assertEqual(added["items"][0]["label"], "strange")
        self.assertEqual(server.json("POST", path, {"label": "strange"}, key, status=201), added)
        self.assertEqual(server.json("GET", "/v1/unknowns")["unknowns"], [])
        self.assertEqual(server.json("POST", "/v1/recognize", strange)["results"][0]["label"], "strange")
        server.error(404, "not_found", "POST", path, {"label": "strange"})
        strangers = {}
        for i in range(4):
            write_png(self.folder / "strange.png", f"strange{i}", f"another such label {i}")
            strangers[f"{i}.png"] = self.photo("strange.png")
        results = server.json("POST", "/v1/recognize", *multipart(strangers))["results"]
        self.assertEqual([result["unknown"] for result in results], [True] * 4)
        # All of a request wait, but no more than --keep-unknown: the latest.
        latest = sorted(list(strangers.values())[1:])
        listed = lambda: server.json("GET", "/v1/unknowns")["unknowns"]
        kept = self.until(lambda: (lambda all: sorted(server.ask("GET", one["photo"])[2] for one in all) == latest and all)(listed()))
        server.json("DELETE", f"/v1/unknowns/{kept[0]['id']}")
        self.assertEqual(len(server.json("GET", "/v1/unknowns")["unknowns"]), 2)


    def test_unknown_photos_page_by_page(self):
        self.keep_unknowns(250)
        server = self.serve()
        pages = [server.json("GET", "/v1/unknowns")]
        while after := pages[-1]["next_after"]:
            server.json("DELETE", f"/v1/unknowns/{after}")  # what goes between two pages moves no other
            pages.append(server.json("GET", f"/v1/unknowns?limit=100&after={after}"))
        self.assertEqual([unknown["id"] for page in pages for unknown in page["unknowns"]], list(range(250, 0, -1)))
        self.assertEqual(len(pages), 3)
        for wrong in "limit=0", "limit=1001", "after=-1":
            server.error(400, "bad_request", "GET", f"/v1/unknowns?{wrong}")


class Trust(ServeTest):
    def test_what_the_image_runs(self):
        """The Dockerfile's own words, on another port."""
        lines = (Path(__file__).parent.parent / "Dockerfile").read_text().replace("\\\n", "").splitlines()

        def words(instruction):
            line = next(line for line in lines if line.startswith(instruction))
            return json.loads(line[line.index("["):])

        self.run_cli("token", "--name", "till", "--role", "read")
        self.assertEqual(words("ENTRYPOINT"), ["shoplens"])
        verb, *flags = words("CMD")
        self.assertEqual((verb, flags[flags.index("--gallery") + 1]), ("serve", "gallery.db"))
        del flags[flags.index("--gallery"):flags.index("--gallery") + 2]
        server = self.serve(*flags)
        healthy = [w.replace("8080", str(server.port)) for w in words("HEALTHCHECK")]
        self.assertEqual(subprocess.run(healthy, capture_output=True).returncode, 0)
        server.error(401, "unauthorized", "GET", "/v1/status")
        server.stop()
        self.assertNotEqual(subprocess.run(healthy, capture_output=True).returncode, 0)

    def test_roles(self):
        tokens = {role: self.run_cli("token", "--name", role, "--role", role).stdout.strip()
                  for role in ("read", "write", "admin")}
        self.assertNotIn(tokens["read"], (self.folder / "tokens.txt").read_text())
        server = self.serve("--tokens", "tokens.txt")
        described = server.json("GET", "/openapi.json")["paths"]
        self.assertGreater(len(described), 20)
        order, methods = ["", "read", "write", "admin"], {"get", "put", "post", "delete", "head", "options", "patch", "trace"}

        def ask(method, path, role, body=b""):
            """The answer to the head of a request; what of `body` is missing to 9 bytes never comes."""
            auth = f"Authorization: Bearer {tokens[role]}\r\n" if role else ""
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
                connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{auth}"
                                   f"Content-Length: 9\r\n\r\n".encode() + body)
                with http.client.HTTPResponse(connection, method=method) as response:
                    response.begin()
                    return response.status, response.read()

        before = self.run_json("index", "list")
        for template, operations in described.items():
            path = template.replace("{id}", "999").replace("{label}", "gala").replace("{file}", "app.js")
            for method, operation in operations.items():
                if method not in methods:
                    continue
                scopes = [scope for way in operation["security"] for scope in way["token"]]
                self.assertLessEqual(len(scopes), 1)
                least = order.index(scopes[0] if scopes else "")
                for role in order[:least]:  # refused before a body is read, so by no handler
                    status, answer = ask(method.upper(), path, role)
                    self.assertEqual((status, json.loads(answer)["error"]["code"]),
                                     (403, "forbidden") if role else (401, "unauthorized"), (method, path, role))
                # The role that is named may: it is refused for what it asks at most.
                if template not in ("/v1/labels/{label}", "/v1/restore"):
                    status, answer = ask(method.upper(), path, order[least], b"no photo.")
                    self.assertIn(status, (200, 400, 404, 413, 415, 422), (method, path, answer))
            # No method is served that is not described.
            status, headers, _ = server.ask("PATCH", path)
            self.assertEqual(status, 405, path)
            self.assertEqual({name.lower() for name in headers["Allow"].split(", ")}, methods & operations.keys(), path)
        self.assertEqual(self.run_json("index", "list"), before)
        for method, path, body in ("PUT", "/v1/labels/fuji", {"name": "Fuji"}), ("DELETE", "/v1/labels/gala", None):
            server.json(method, path, body, {"Authorization": f"Bearer {tokens['write']}"})
        for wrong in "Bearer shl_" + "0" * 48, "Basic YTpi", "Bearer", tokens["read"]:
            server.error(401, "unauthorized", "GET", "/v1/items", headers={"Authorization": wrong})

    def test_tokens_are_read_again_on_hangup(self):
        token = self.run_cli("token", "--name", "first").stdout.strip()
        server = self.serve("--tokens", "tokens.txt")
        late = self.run_cli("token", "--name", "late").stdout.strip()
        server.error(401, "unauthorized", "GET", "/v1/items", headers={"Authorization": f"Bearer {late}"})
        server.signal(signal.SIGHUP)
        self.until(lambda: server.ask("GET", "/v1/items", headers={"Authorization": f"Bearer {late}"})[0] == 200)
        (self.folder / "tokens.txt").write_text("nonsense\n")
        server.signal(signal.SIGHUP)
        self.until(lambda: "serving on as before" in server.log)
        self.assertEqual(server.ask("GET", "/v1/items", headers={"Authorization": f"Bearer {token}"})[0], 200)

    def test_a_file_without_tokens_lets_nobody_in(self):
        (self.folder / "tokens.txt").write_text("# none yet\n")
        self.assertIn("want at least one", self.run_cli("serve", "--tokens", "tokens.txt", status=2).stderr)
        token = self.run_cli("token", "--name", "first").stdout.strip()
        server = self.serve("--tokens", "tokens.txt")
        (self.folder / "tokens.txt").write_text("# all revoked\n")
        server.signal(signal.SIGHUP)
        self.until(lambda: "want at least one" in server.log)
        server.error(401, "unauthorized", "GET", "/v1/snapshot")
        self.assertEqual(server.ask("GET", "/v1/items", headers={"Authorization": f"Bearer {token}"})[0], 200)

    def test_it_stays_on_loopback_without_tokens(self):
        error = self.run_cli("serve", "--host", "0.0.0.0", status=2).stderr
        self.assertIn("want --tokens to listen on 0.0.0.0", error)
        self.assertIn("--insecure", error)
        for words in ("--trusted-proxy", "127.0.0.1"), ("--allow-host", "shop.example"):  # others come through the proxy
            error = self.run_cli("serve", *words, status=2).stderr
            self.assertIn("want --tokens with --trusted-proxy or --allow-host", error)
            self.assertIn("--insecure", error)

    def test_pages_of_others_are_refused(self):
        server = self.serve("--allow-host", "shop.example", "--insecure")
        photo = self.photo("test/gala0.png")
        own = {"Origin": f"http://127.0.0.1:{server.port}"}
        self.assertEqual(server.ask("POST", "/v1/recognize", photo, own)[0], 200)
        for headers in {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}:
            code = "forbidden" if "Host" in headers else "foreign_page"
            server.error(403, code, "POST", "/v1/recognize", photo, headers)
        self.assertEqual(server.ask("GET", "/v1/items", headers={"Host": "shop.example"})[0], 200)
        for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):  # an image's, a link's
            self.assertEqual(server.ask("GET", "/v1/items", headers={"Sec-Fetch-Site": site})[0], status, site)
            self.assertEqual(server.ask("GET", "/", headers={"Sec-Fetch-Site": site})[0], 200)
        # a proxy that puts its own name for the server into Host
        self.assertEqual(server.ask("POST", "/v1/recognize", photo, {"Origin": "https://shop.example"})[0], 200)
        headers = server.ask("GET", "/v1/items")[1]
        self.assertFalse([name for name in headers if name.lower().startswith("access-control")])

    def test_it_goes_by_the_address_that_it_listens_on(self):
        server = self.serve("--host", "127.0.0.2", "--allow-host", "Shop.Example:8443", "--insecure")
        with socket.create_connection(("127.0.0.2", server.port), timeout=10) as connection:
            for host, status in ((f"127.0.0.2:{server.port}", 200), ("shop.example", 200), ("127.0.0.3", 403)):
                connection.sendall(f"GET /v1/items HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                response = http.client.HTTPResponse(connection, method="GET")
                response.begin()
                response.read()
                self.assertEqual(response.status, status, host)

    def test_ipv6(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            self.skipTest("no IPv6 here")
        server = self.serve("--host", "::1")
        self.assertEqual(server.base_url, f"http://[::1]:{server.port}")
        with urllib.request.urlopen(server.base_url + "/healthz", timeout=10) as answer:
            self.assertEqual(answer.status, 200)

    def test_an_open_address_without_tls_is_warned_of(self):
        self.run_cli("token", "--tokens", "tokens.txt", "--name", "till", "--role", "read")
        server = self.serve("--host", "0.0.0.0", "--tokens", "tokens.txt")
        self.until(lambda: "without --certificate" in server.log)

    def test_every_answer_has_security_headers(self):
        server = self.serve()
        for method, path in (("GET", "/"), ("GET", "/v1/items"), ("GET", "/v1/items/1/photo"), ("GET", "/nothing"),
                             ("PATCH", "/v1/items"), ("GET", "/%ff")):
            headers = server.ask(method, path)[1]
            self.assertIn("default-src 'none'", headers["Content-Security-Policy"], path)
            self.assertNotIn("unsafe", headers["Content-Security-Policy"])
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff", path)
            self.assertTrue(headers["X-Request-Id"])
            self.assertEqual("camera=(self)" in headers.get("Permissions-Policy", ""), path == "/", path)

    def test_the_log_says_who_asked_what(self):
        server = self.serve()
        server.ask("GET", "/v1/items?limit=3", headers={"X-Request-Id": "mine-7"})
        self.until(lambda: "mine-7" in server.log)
        line = next(json.loads(l) for l in server.log.splitlines() if "mine-7" in l)
        self.assertEqual((line["method"], line["target"], line["status"]), ("GET", "/v1/items?limit=3", 200))
        self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

    def certify(self, name="localhost"):
        """Writes cert.pem and its key.pem; returns what trusts it."""
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
             "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
            cwd=self.folder, capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        return ssl.create_default_context(cafile=self.folder / "cert.pem")

    def test_tls(self):
        server = self.serve("--certificate", "cert.pem", "--key", "key.pem", context=self.certify())
        result = server.json("POST", "/v1/recognize", self.photo("test/gala0.png"))["results"][0]
        self.assertEqual(result["label"], "gala")

    def test_a_key_with_a_password_is_refused(self):
        self.certify()
        for kind in [], ["-traditional"]:
            locked = subprocess.run(["openssl", "rsa", "-in", "key.pem", "-aes256", *kind, "-passout", "pass:secret", "-out", "locked.pem"],
                                    cwd=self.folder, capture_output=True)
            self.assertEqual(locked.returncode, 0, locked.stderr)
            told = self.run_cli("serve", "--port", 0, "--certificate", "cert.pem", "--key", "locked.pem", status=2).stderr
            self.assertIn("want the certificate's key without a password, got one that is encrypted (locked.pem)", told)
            self.assertIn("openssl pkey -in locked.pem -out ", told)
            self.assertNotIn("pass phrase", told)  # nobody is asked for it

    def test_a_renewed_certificate_is_read_on_hangup(self):
        self.certify("old.example")
        server = self.serve("--certificate", "cert.pem", "--key", "key.pem")

        def shown():
            return ssl.get_server_certificate(("127.0.0.1", server.port), timeout=10)

        def kept():
            return (self.folder / "cert.pem").read_text()

        old = kept()
        self.assertEqual(shown(), old)
        self.certify("new.example")
        new = kept()
        server.signal(signal.SIGHUP)
        self.until(lambda: shown() == new)
        (self.folder / "cert.pem").write_text(old)  # not of this key
        server.signal(signal.SIGHUP)
        self.until(lambda: "could not read the certificate again, serving on as before" in server.log)
        self.assertEqual(shown(), new)

    def test_a_refusal_reaches_a_client_that_sends_on(self):
        context = self.certify()
        for flags, more in (((), {}), (("--certificate", "cert.pem", "--key", "key.pem"), {"context": context})):
            server = self.serve("--max-body", 1, *flags, **more)
            for _ in range(6):
                server.error(413, "too_large", "POST", "/v1/recognize", bytes(2 << 20))
            server.stop()


class Order(ServeTest):
    def burst(self, server, count, photo):
        statuses = []

        def ask():
            status, headers, body = server.ask("POST", "/v1/recognize", photo)
            statuses.append((status, headers.get("Retry-After"), json.loads(body).get("error", {}).get("code")))

        threads = [threading.Thread(target=ask) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return statuses

    def test_a_full_queue_answers_429(self):
        server = self.serve("--workers", 1, "--queue", 1, "--max-wait-ms", 50)
        statuses = self.burst(server, 24, png(2000, 2000))  # which takes its time
        self.assertEqual({s[0] for s in statuses}, {200, 429})
        self.assertEqual({s[1:] for s in statuses if s[0] == 429}, {("1", "overloaded")})
        self.assertEqual(server.json("POST", "/v1/recognize", self.photo("test/gala0.png"))["results"][0]["label"],
                         "gala")
        self.assertIn('shoplens_refused_total{reason="queue_full"}', server.ask("GET", "/metrics")[2].decode())

    def test_changes_that_wait_for_their_turn_keep_no_recognition_waiting(self):
        server = self.serve("--workers", 1)
        photo, statuses = self.photo("test/gala0.png"), []
        held = sqlite3.connect(self.folder / "gallery.db", isolation_level=None, check_same_thread=False)
        self.addCleanup(held.close)
        held.execute("BEGIN IMMEDIATE")
        adds = [threading.Thread(target=lambda: statuses.append(server.ask("POST", "/v1/items", *multipart(
            photo=photo, label=b"gala"))[0])) for _ in range(3)]
        renames = [threading.Thread(target=lambda: statuses.append(server.ask(
            "PUT", "/v1/labels/fuji", b'{"name": "fuji"}', {"Content-Type": "application/json"})[0])) for _ in range(6)]
        for change in adds + renames:
            change.start()
        time.sleep(0.5)
        for _ in range(5):
            self.assertEqual(server.json("POST", "/v1/recognize", photo)["results"][0]["label"], "gala")
            self.assertEqual(server.ask("GET", "/readyz")[0], 200)
            self.assertEqual(server.json("GET", "/v1/status")["items"], 12)
        self.assertEqual(statuses, [])
        held.execute("ROLLBACK")
        for change in adds + renames:
            change.join()
        self.assertEqual(sorted(statuses), [200] * 6 + [201] * 3)

    def test_a_gallery_that_was_replaced_is_not_written_to(self):
        server = self.serve()
        photo, gallery = self.photo("test/gala0.png"), self.folder / "gallery.db"
        shutil.copy(gallery, self.folder / "other.db")
        os.replace(self.folder / "other.db", gallery)
        self.until(lambda: server.ask("GET", "/readyz")[0] == 503)
        server.error(503, "not_ready", "GET", "/readyz")
        self.assertEqual(server.ask("GET", "/readyz")[1]["Retry-After"], "1")
        server.error(503, "storage", "DELETE", "/v1/labels/fuji")
        self.assertEqual(server.json("POST", "/v1/recognize", photo)["results"][0]["label"], "gala")
        server.stop()  # takes its own log away
        self.assertTrue(self.run_json("index", "verify")["sound"])
        server.start()
        server.json("DELETE", "/v1/labels/fuji")
        gallery.unlink()
        self.until(lambda: server.ask("GET", "/readyz")[0] == 503)

    def test_gallery_and_models_are_read_again_on_hangup(self):
        server, model, away = self.serve(), self.folder / "model.onnx", self.folder / "away.onnx"
        model.rename(away)
        server.signal(signal.SIGHUP)
        self.until(lambda: "could not read the gallery again, serving on as before: gallery: want its model" in server.log)
        away.rename(model)
        self.run_cli("index", "remove", "--label", "gala")
        server.signal(signal.SIGHUP)
        self.until(lambda: "read tokens, certificate, gallery and models again" in server.log)
        self.assertEqual(server.json("GET", "/v1/status")["labels"], 2)
        result = server.json("POST", "/v1/recognize", self.photo("test/gala0.png"))["results"][0]
        self.assertIn(result["label"], ("fuji", "conference"))

    def test_no_fault_of_the_gallery_ends_a_server(self):
        server, said = self.serve(), "could not read the gallery again, serving on as before"

        def execute(sql):
            with contextlib.closing(sqlite3.connect(self.folder / "gallery.db")) as gallery, gallery:
                gallery.execute(sql)

        execute("UPDATE models SET dim = dim + 4294967000")  # floats, for which there is no memory
        self.until(lambda: said in server.log)
        server.signal(signal.SIGHUP)
        self.until(lambda: server.log.count(said) == 2)
        self.assertEqual(server.json("POST", "/v1/recognize", self.photo("test/gala0.png"))["results"][0]["label"], "gala")
        execute("UPDATE models SET dim = dim - 4294967000")
        server.signal(signal.SIGHUP)
        self.until(lambda: "read tokens, certificate, gallery and models again" in server.log)

    def test_a_gallery_that_was_moved_shows_its_photos(self):
        (self.folder / "service").mkdir()
        for name in "gallery.db", "model.onnx":
            shutil.copy(self.folder / name, self.folder / "service")
        server = self.serve(gallery=self.folder / "service/gallery.db")
        status, _, photo = server.ask("GET", "/v1/items/1/photo")
        self.assertEqual((status, photo), (200, self.photo(server.json("GET", "/v1/items/1")["path"])))

    def test_photos_that_come_together_are_embedded_together(self):
        server = self.serve("--max-wait-ms", 200, "--max-batch", 2)
        body, headers = multipart({f"{i}.png": self.photo(f"test/{l}0.png") for i, l in enumerate(self.LABELS)})
        answer = server.json("POST", "/v1/recognize", body, headers)
        self.assertEqual(answer["batch"], 2)
        self.assertEqual([r["label"] for r in answer["results"]], list(self.LABELS))
        # And those of several clients.
        photo, batches = png(1000, 1000), []  # which takes some time
        for _ in range(20):
            clients = [threading.Thread(target=lambda: batches.append(
                server.json("POST", "/v1/recognize", photo)["batch"])) for _ in range(4)]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            if 2 in batches:
                break
        self.assertIn(2, batches)

    def test_a_deadline_is_kept(self):
        server = self.serve("--deadline", 0.000001)
        photo = self.photo("test/gala0.png")
        for path in "/v1/recognize", "/v1/explain?item=1", "/v1/items?label=gala":
            server.error(504, "deadline", "POST", path, photo)
        self.assertEqual(server.json("GET", "/v1/status")["items"], 12)

    def test_a_deadline_counts_from_the_end_of_the_body(self):
        server = self.serve("--deadline", 2)
        photo = self.photo("test/gala0.png")
        connection = server.connection()
        connection.putrequest("POST", "/v1/recognize")
        connection.putheader("Content-Length", str(len(photo)))
        connection.endheaders()
        connection.send(photo[:100])
        time.sleep(2.5)
        connection.send(photo[100:])
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        self.assertLess(json.loads(response.read())["timing_ms"]["wait"], 2000)

    def test_a_client_that_asks_too_often_waits(self):
        server = self.serve("--rate", 1, "--burst", 3)
        statuses = [server.ask("GET", "/v1/labels")[0] for _ in range(8)]
        self.assertEqual(statuses[:3], [200] * 3)
        self.assertIn(429, statuses)
        # its body is not waited for
        connection = server.connection()
        connection.putrequest("POST", "/v1/items?label=kiwi")
        connection.putheader("Content-Length", "1000000")
        connection.endheaders()
        self.assertEqual(connection.getresponse().status, 429)

    def test_who_looks_for_what_is_not_there_waits_too(self):
        server = self.serve("--rate", 0.01, "--burst", 3)
        asked = [server.ask(*what)[0] for what in (("GET", "/admin"), ("PUT", "/v1/labels"), ("GET", "/v1/nothing"), ("GET", "/wp"))]
        self.assertEqual(asked, [404, 405, 404, 429])
        self.assertEqual(server.ask("GET", "/v1/labels")[0], 429)
        for path in "/", "/app.js", "/healthz", "/readyz":
            self.assertEqual(server.ask("GET", path)[0], 200)

    def test_clients_behind_a_trusted_proxy_are_told_apart(self):
        server = self.serve("--rate", 0.01, "--burst", 2, "--trusted-proxy", "127.0.0.0/8", "--insecure")

        def ask(forwarded):
            return server.ask("GET", "/v1/labels", headers={"X-Forwarded-For": forwarded})[0]

        self.assertEqual([ask("203.0.113.9") for _ in range(3)], [200, 200, 429])
        self.assertEqual([ask("198.51.100.1, 203.0.113.8") for _ in range(3)], [200, 200, 429])
        self.assertIn('"client":"203.0.113.8"', server.log)
        server.stop()
        server = self.serve("--rate", 0.01, "--burst", 2)
        self.assertEqual([ask(f"203.0.113.{i}") for i in range(3)], [200, 200, 429])
        self.assertIn("want an IP address", self.run_cli("serve", "--trusted-proxy", "proxy", "--insecure", status=2).stderr)

    def test_secrets_are_not_guessed_without_end(self):
        self.run_cli("token", "--tokens", "tokens.txt", "--name", "till", "--role", "read")
        server = self.serve("--rate", 0.01, "--burst", 3, "--tokens", "tokens.txt")
        wrong = {"Authorization": "Bearer wrong"}
        self.assertEqual([server.ask("GET", "/v1/labels", headers=wrong)[0] for _ in range(5)], [401] * 3 + [429] * 2)

    def test_what_was_begun_is_answered_before_the_end(self):
        server = self.serve()
        photo = self.photo("test/gala0.png")
        connection = server.connection()
        connection.putrequest("POST", "/v1/recognize")
        connection.putheader("Content-Length", str(len(photo)))
        connection.endheaders()
        connection.send(photo[:100])
        time.sleep(0.2)
        server.process.terminate()
        self.until(lambda: "ending" in server.log)

        def refused():
            try:
                server.connection().connect()
            except OSError:
                return True

        self.until(refused)
        connection.send(photo[100:])
        self.assertEqual(connection.getresponse().status, 200)
        self.assertEqual(server.process.wait(10), 0)

    def test_metrics(self):
        server = self.serve()
        server.json("POST", "/v1/recognize", self.photo("test/gala0.png"))
        text = server.ask("GET", "/metrics")[2].decode()
        self.assertRegex(text, "\nshoplens_connections [1-9]")
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(b"nonsense\r\n\r\n")
            self.assertIn(b" 400 ", connection.recv(1000))
        server.error(413, "too_large", "PUT", "/v1/labels/gala", {"name": "x" * 70000})
        text = server.ask("GET", "/metrics")[2].decode()
        self.assertLess(float(re.search(r'shoplens_request_seconds_sum\{route="none"\} (\S+)', text)[1]), 10)
        for name in ('shoplens_requests_total{route="PUT /v1/labels/{label}",status="413"} 1', "shoplens_queue_requests 0",
                     "shoplens_requests_total{", 'shoplens_stage_seconds_bucket{stage="network"', "shoplens_batch_photos",
                     'shoplens_photos_total{answer="known"} 1', "shoplens_items 12", "shoplens_queue_photos 0"):
            self.assertIn(name, text)


if __name__ == "__main__":
    unittest.main()
