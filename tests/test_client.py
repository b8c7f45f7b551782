# SPDX-License-Identifier: Apache-2.0
"""The Python client against the real server."""
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from cli import TESTS, CliTest, write_png
from server import Server

sys.path.insert(0, str(Path(__file__).parent.parent / "clients" / "python"))
try:
    import httpx
    from shoplens_client import Client, PhotoError, Recognition, ShoplensError
except ModuleNotFoundError as e:
    if e.name != "httpx":
        raise
    httpx = None

NO_HTTPX = "skipped: the Python client needs httpx, which is not installed"


def setUpModule():
    if not httpx:
        raise unittest.SkipTest(NO_HTTPX)


class Lossy:
    """A transport that sends each request, and loses its answer the first `times` times."""

    def __init__(self, times=1):
        self.real, self.times, self.sent = httpx.HTTPTransport(), times, []

    def close(self):
        self.real.close()

    def handle_request(self, request):
        response = self.real.handle_request(request)
        self.sent.append((request.method, request.url.path, request.headers.get("Idempotency-Key")))
        if self.sent.count(self.sent[-1]) > self.times:
            return response
        response.close()
        raise httpx.ReadError("the answer was lost", request=request)


def breaking_off(request):
    """An answer that does not come to its end."""
    def content():
        yield b"SQLite format 3"
        raise httpx.ReadError("the connection was lost")

    return httpx.Response(200, content=content())


class ClientTest(CliTest):
    """A gallery of 12 photos of 3 labels, and servers and clients that end with the test."""

    def setUp(self):
        super().setUp()
        self.build()

    def serve(self, *flags):
        return self.enterContext(Server(self.folder / "gallery.db", *flags))

    def client(self, server, *arguments, **more):
        return self.enterContext(Client(server.base_url, *arguments, **more))

    def fails(self, status, code, ask, *arguments, **more):
        with self.assertRaises(ShoplensError) as caught:
            ask(*arguments, **more)
        error = caught.exception
        self.assertEqual((error.status, error.code), (status, code), error)
        self.assertTrue(error.message and error.hint)
        return error


class Package(unittest.TestCase):
    SOURCE = Path(__file__).parent.parent / "clients" / "python"

    @unittest.skipUnless(importlib.util.find_spec("hatchling"), "want hatchling, which scripts/setup installs")
    def test_pip_installs_it(self):
        with tempfile.TemporaryDirectory() as folder:
            source = shutil.copytree(self.SOURCE, Path(folder) / "source")
            subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
                            "--target", f"{folder}/site", source], check=True)
            said = subprocess.run([sys.executable, "-c", "import shoplens_client; print(shoplens_client.__file__)"], check=True,
                                  cwd=folder, env={**os.environ, "PYTHONPATH": f"{folder}/site"}, capture_output=True, text=True)
            self.assertEqual(said.stdout.strip(), f"{folder}/site/shoplens_client/__init__.py")
            self.assertTrue(Path(f"{folder}/site/shoplens_client/py.typed").exists())

    @unittest.skipUnless(importlib.util.find_spec("mypy"), "want mypy, which scripts/setup installs")
    def test_its_types_are_sound(self):
        with tempfile.TemporaryDirectory() as cache:
            done = subprocess.run([sys.executable, "-m", "mypy", "--cache-dir", cache], cwd=self.SOURCE, capture_output=True,
                                  text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Recognize(ClientTest):
    def test_a_photo_is_a_path_bytes_or_a_file(self):
        shop = self.client(self.serve())
        path = self.folder / "test/gala0.png"
        found = shop.recognize(path)
        self.assertIsInstance(found, Recognition)
        self.assertEqual((found.label, found.unknown, found.probability), ("gala", False, None))
        self.assertEqual((found.name, found.model), ("gala0.png", shop.status().fingerprint))
        self.assertEqual(len(found.neighbours), 5)
        self.assertEqual(found.neighbours[0].label, "gala")
        self.assertGreater(found.neighbours[0].score, found.neighbours[1].score)
        with open(path, "rb") as file:
            answers = shop.recognize([str(path), path.read_bytes(), file, io.BytesIO(path.read_bytes())])
        self.assertEqual([a.name for a in answers], ["gala0.png", None, "gala0.png", None])
        for answer in answers:
            self.assertEqual([n.id for n in answer.neighbours], [n.id for n in found.neighbours])
        self.assertEqual(len(shop.recognize(path, top=2).neighbours), 2)
        self.assertEqual(shop.recognize([]), [])
        with self.assertRaises(OSError):
            shop.recognize(self.folder / "nowhere.png")

    def test_a_bad_photo_of_several_is_a_value(self):
        shop = self.client(self.serve("--max-photos", 3, "--max-body", 1))
        photos = [self.folder / "test/gala0.png", b"no photo", self.folder / "test/fuji0.png"]
        first, second, third = shop.recognize(photos)
        self.assertEqual((first.label, third.label), ("gala", "fuji"))
        self.assertIsInstance(second, PhotoError)
        self.assertEqual(second.code, "unsupported")
        self.assertTrue(second.message and second.hint)
        self.assertEqual([r.code for r in shop.recognize([b"no photo"])], ["unsupported"])
        self.fails(415, "unsupported", shop.recognize, b"no photo")
        self.fails(413, "too_many_photos", shop.recognize, [b"no photo"] * 4)
        self.fails(400, "bad_request", shop.recognize, photos, top=0)
        for _ in range(10):  # refused while it is being sent
            self.fails(413, "too_large", shop.recognize, bytes(20 << 20))


    def test_what_makes_a_photo_like_an_item(self):
        shop = self.client(self.serve())
        heat = shop.explain(self.folder / "test/gala0.png", 1)
        for side in heat.photo, heat.item:
            self.assertEqual((len(side.heat), len(side.window)), (side.rows * side.columns, 4))
        self.assertEqual(max(heat.photo.heat + heat.item.heat), 1)
        self.fails(404, "not_found", shop.explain, b"no photo", 99)


class Background(ClientTest):
    def ended(self, find, job, told_late=False):
        self.assertTrue(told_late or not job.ended)
        return self.until(lambda: (now := find(job.id)).ended and now, 60)

    def test_photos_are_imported(self):
        server = self.serve()
        shop = self.client(server)
        for i in range(4):
            write_png(self.folder / f"shop/plum {i % 2}/{i}.png", f"plum{i}", f"plum {i % 2}")
        (self.folder / "shop/plum 0/torn.png").write_bytes(b"torn")
        job = shop.import_photos(sorted((self.folder / "shop").glob("*/*.png")))
        job = self.ended(shop.import_job, job)
        self.assertEqual((job.state, job.total, job.done, job.added, job.failed), ("done", 5, 5, 4, 1))
        self.assertEqual((job.errors[0].name, job.message), ("plum 0/torn.png", None))
        self.assertEqual([i.label for i in shop.items("plum 1")], ["plum 1"] * 2)
        # The first answer is lost, and the second is of the same import.
        lossy = self.client(server, transport=Lossy())
        job = self.ended(shop.import_job, lossy.import_photos(self.folder / "shop/plum 0/0.png", "kiwi"), told_late=True)
        self.assertEqual((job.added, job.existing, job.relabelled), (0, 1, 1))
        self.assertEqual(shop.labels()[3].label, "kiwi")
        self.assertEqual([j.state for j in shop.imports()], ["done"] * 2)
        self.assertTrue(shop.cancel_import(job.id).ended)
        self.fails(404, "not_found", shop.import_job, job.id)
        self.fails(400, "bad_request", shop.import_photos, [b"has no folder"])
        with self.assertRaises(ValueError):
            shop.import_photos([])

    def test_another_model_takes_over(self):
        server = self.serve()
        shop, lossy = self.client(server), self.client(server, transport=Lossy())
        other = self.folder / "other.onnx"
        subprocess.run([TESTS / "write_tiny_model", other, "2"], check=True)
        before = shop.status()
        (self.folder / "train/gala0.png").unlink()
        job = self.ended(shop.upgrade_job, shop.upgrade(other))
        self.assertEqual((job.state, job.failed, job.errors[0].name), ("failed", 1, "train/gala0.png"))
        self.assertIn("cannot be read", job.message)
        job = self.ended(shop.upgrade_job, lossy.upgrade(other, drop_unreadable=True), told_late=True)
        self.assertEqual((job.state, job.message), ("done", None))
        self.assertEqual([j.state for j in shop.upgrades()], ["done", "failed"])
        self.assertTrue(shop.cancel_upgrade(job.id).ended)
        self.assertEqual(shop.status().items, 11)
        self.assertNotEqual(shop.status().fingerprint, before.fingerprint)
        self.fails(409, "same_model", shop.upgrade, other)
        self.fails(422, "corrupt", shop.upgrade, self.folder / "train/gala1.png")


class Catalogue(ClientTest):
    def test_items_and_labels(self):
        shop = self.client(self.serve())
        self.assertTrue(shop.alive())
        self.assertTrue(shop.ready())
        self.assertIn("shoplens_items 12", shop.metrics())
        self.assertEqual([i.id for i in shop.items(page=5)], list(range(1, 13)))
        self.assertEqual([i.label for i in shop.items("fuji", page=4)], ["fuji"] * 4)
        self.assertEqual(list(shop.items("nobody")), [])
        self.assertEqual([(label.label, label.photos) for label in shop.labels()],
                         [("conference", 4), ("fuji", 4), ("gala", 4)])
        status = shop.status()
        self.assertEqual((status.items, status.labels, status.calibrated), (12, 3, False))
        names = self.stock(1100)
        self.until(lambda: shop.status().labels == 1103)
        self.assertEqual([label.label for label in shop.labels()], sorted([*names, "conference", "fuji", "gala"]))

        photo = self.folder / "test/fuji0.png"
        made = shop.add("kiwi", [photo, self.folder / "test/fuji1.png"], {"shelf": "3 ü", "note": "\"new\""})
        self.assertEqual((made.added, made.existing), (2, 0))
        item = made.items[0]
        self.assertEqual((item.label, item.columns), ("kiwi", {"shelf": "3 ü", "note": "\"new\""}))
        self.assertEqual(shop.item(item.id), item)
        self.assertEqual(shop.photo(item.id), photo.read_bytes())
        self.assertTrue(shop.photo(item.id, side=16).startswith(b"\xff\xd8"))
        self.fails(400, "bad_request", shop.photo, item.id, side=2)
        again = shop.add("kiwi", photo.read_bytes())
        self.assertEqual((again.added, again.existing, again.relabelled, again.items), (0, 1, 0, (item,)))
        again = shop.add("plum", photo.read_bytes())
        self.assertEqual((again.added, again.relabelled, again.items[0].label), (0, 1, "plum"))
        self.assertEqual(shop.add("kiwi", photo.read_bytes()).relabelled, 1)
        self.assertEqual(shop.recognize(photo).label, "kiwi")
        self.assertIsNone(shop.delete_item(item.id))
        self.fails(404, "not_found", shop.item, item.id)
        self.fails(404, "not_found", shop.delete_item, item.id)
        self.fails(422, "corrupt", shop.add, "kiwi", photo.read_bytes()[:300])
        self.fails(400, "bad_request", shop.add, " ", photo)
        with self.assertRaises(ValueError):
            shop.add("kiwi", [])
        with self.assertRaises(ValueError):
            shop.add("kiwi", photo, {"label": "pear"})

    def test_labels_of_any_characters(self):
        shop = self.client(self.serve())
        before = "gala"
        for label in "a/b", "..", ".", "ü ?&+=#%2F", "it's \"50%\" ;\\":
            renamed = shop.rename_label(before, label)
            self.assertEqual((renamed.label, renamed.photos, renamed.merged), (label, 4, False))
            self.assertEqual([i.label for i in shop.items(label)], [label] * 4)
            before = label
        self.assertTrue(shop.rename_label(before, "fuji").merged)
        self.assertEqual(shop.delete_label("fuji"), 8)
        self.fails(404, "not_found", shop.delete_label, "fuji")
        self.fails(404, "not_found", shop.rename_label, "fuji", "other")

    def test_unknown_photos(self):
        self.write_list("held.csv", "held", 12)
        for i in range(30):
            write_png(self.folder / f"strangers/{i}.png", f"s{i}", f"one more label {i}")
        self.run_cli("calibrate", "--data", "held.csv", "--strangers", "strangers")
        server = self.serve()
        shop = self.client(server)
        strange = self.folder / "strange.png"
        write_png(strange, "strange", "a label that no other photo has")
        asked = shop.recognize(strange)
        self.assertTrue(asked.unknown)
        self.assertLess(asked.probability, 0.5)
        unknown, = self.until(shop.unknowns)
        self.assertEqual((shop.status().unknowns, shop.status().photos_unknown), (1, 1))
        self.assertEqual((unknown.answer.label, unknown.answer.name), (asked.label, "strange.png"))
        self.assertLess(abs(unknown.time.timestamp() - time.time()), 60)
        self.assertEqual(shop.unknown_photo(unknown.id), strange.read_bytes())
        self.assertTrue(shop.unknown_photo(unknown.id, side=32).startswith(b"\xff\xd8"))
        # The unknown photo is gone with the first try, whose answer is lost.
        made = self.client(server, transport=Lossy()).name_unknown(unknown.id, "kiwi")
        self.assertEqual((made.added, made.items[0].label), (1, "kiwi"))
        self.assertEqual(shop.recognize(strange).label, "kiwi")
        self.assertEqual(shop.unknowns(), [])
        self.fails(404, "not_found", shop.delete_unknown, unknown.id)
        write_png(strange, "stranger", "another label that no other photo has")
        shop.recognize(strange)
        unknown, = self.until(shop.unknowns)
        shop.delete_unknown(unknown.id)
        self.assertEqual(shop.unknowns(), [])

    def test_more_unknown_photos_than_a_page_has(self):
        self.keep_unknowns(1100)
        shop = self.client(self.serve())
        self.assertEqual([unknown.id for unknown in shop.unknowns()], list(range(1100, 0, -1)))

    def test_snapshot_and_restore(self):
        server = self.serve()
        shop = self.client(server)
        folder = self.folder / "kept"
        folder.mkdir()
        shop.snapshot(folder / "kept.db")
        shutil.copy(self.folder / "model.onnx", folder)
        self.assertTrue(self.run_json("index", "verify", "--gallery", "kept/kept.db")["sound"])
        shop.delete_label("gala")
        self.assertEqual(shop.status().items, 8)
        self.fails(422, "corrupt", shop.restore, self.folder / "train/gala0.png")
        shop.restore(folder / "kept.db")
        self.assertEqual(shop.status().items, 12)

        lossy = Lossy(times=1)
        self.client(server, transport=lossy).snapshot(folder / "kept.db")
        self.assertEqual(len(lossy.sent), 2)
        sound = (folder / "kept.db").read_bytes()
        # A restore whose answer is lost is not sent again.
        lossy = Lossy(times=1)
        self.fails(0, "unreachable", self.client(server, transport=lossy).restore, folder / "kept.db")
        self.assertEqual(len(lossy.sent), 1)
        server.kill()
        self.fails(0, "unreachable", self.client(server, retries=0).snapshot, folder / "kept.db")
        broken = self.client(server, transport=httpx.MockTransport(breaking_off))
        self.fails(0, "unreachable", broken.snapshot, folder / "kept.db")
        self.assertEqual((folder / "kept.db").read_bytes(), sound)
        self.assertEqual(sorted(p.name for p in folder.iterdir()), ["kept.db", "model.onnx"])


class Trouble(ClientTest):
    def test_a_whole_gallery_may_take_long(self):
        waited = {}

        def answer(request):
            waited[request.url.path] = request.extensions["timeout"]["read"]
            return httpx.Response(200, json={"status": "restored"})

        with tempfile.TemporaryDirectory() as folder, \
                Client("http://shop", timeout=7, transport=httpx.MockTransport(answer)) as shop:
            shop.snapshot(Path(folder) / "gallery.db")
            shop.restore(Path(folder) / "gallery.db")
            shop.alive()
        self.assertEqual(waited, {"/v1/snapshot": 600, "/v1/restore": 600, "/healthz": 7})

    def test_a_change_whose_answer_is_lost_is_done_once(self):
        transport = Lossy(times=2)
        shop = self.client(self.serve(), transport=transport)
        made = shop.add("kiwi", [self.folder / "test/gala0.png", self.folder / "test/gala1.png"])
        self.assertEqual((made.added, made.existing), (2, 0))
        shop.delete_item(made.items[0].id)  # the second try finds it gone
        self.assertFalse(shop.rename_label("kiwi", "kiwis").merged)
        self.assertEqual(shop.delete_label("kiwis"), 1)
        self.assertEqual(len(transport.sent), 12)
        keys = [key for _, _, key in transport.sent]
        self.assertEqual([len(set(keys[i:i + 3])) for i in range(0, 12, 3)], [1] * 4)
        self.assertEqual((len(set(keys)), None in keys), (4, False))
        self.assertEqual(shop.status().items, 12)

    def test_a_server_that_is_started_again_is_found_again(self):
        server = self.serve()
        shop = self.client(server, retries=0)
        patient = self.client(server)
        patient.status()
        server.kill()
        self.assertFalse(shop.alive())
        self.assertFalse(shop.ready())
        error = self.fails(0, "unreachable", shop.status)
        self.assertIsInstance(error.__cause__, httpx.ConnectError)
        server.start()
        self.assertTrue(shop.ready())
        self.assertEqual(patient.status().items, 12)  # its connection was the first server's
        server.stop()

    def test_a_busy_server_is_waited_for(self):
        server = self.serve("--rate", 1, "--burst", 1)
        shop = self.client(server)
        begin = time.monotonic()
        for _ in range(3):
            shop.status()
        self.assertGreater(time.monotonic() - begin, 1.9)
        self.assertIn('"status":429', server.log)
        hasty = self.client(server, retries=0)
        with self.assertRaises(ShoplensError) as caught:
            for _ in range(3):
                hasty.status()
        self.assertEqual((caught.exception.status, caught.exception.code), (429, "rate_limited"))

    def test_tokens(self):
        tokens = {}
        for role in "read", "write", "admin":
            made = self.run_cli("token", "--tokens", "tokens.txt", "--name", role, "--role", role)
            tokens[role] = made.stdout.strip()
        server = self.serve("--tokens", self.folder / "tokens.txt")
        photo = self.folder / "test/gala0.png"
        self.assertTrue(self.client(server).ready())
        self.fails(401, "unauthorized", self.client(server).status)
        self.fails(401, "unauthorized", self.client(server, "wrong").status)
        reader = self.client(server, tokens["read"])
        self.assertEqual(reader.recognize(photo).label, "gala")
        self.fails(403, "forbidden", reader.add, "kiwi", photo)
        writer = self.client(server, token=tokens["write"])
        self.assertEqual(writer.add("kiwi", photo).added, 1)
        self.fails(403, "forbidden", writer.snapshot, self.folder / "kept.db")
        self.client(server, tokens["admin"]).snapshot(self.folder / "kept.db")

    def test_what_is_no_shoplens_server(self):
        def client(*answers):
            left = list(answers)
            transport = httpx.MockTransport(lambda _: left.pop(0))
            return self.enterContext(Client("http://shop.example/api", transport=transport))

        self.fails(502, "not_shoplens", client(httpx.Response(502, html="<h1>Bad gateway</h1>")).status)
        self.fails(200, "not_shoplens", client(httpx.Response(200, html="<h1>Log in</h1>")).status)
        self.fails(200, "not_shoplens", client(httpx.Response(200, json={"status": "ok"})).status)
        self.fails(200, "not_shoplens", lambda: list(client(httpx.Response(200, json=[])).items()))
        self.fails(302, "not_shoplens", client(httpx.Response(302, headers={"Location": "/"})).status)
        # Whoever is asked to wait for an hour is told at once; a date in the past is no time at all.
        self.fails(503, "not_shoplens", client(httpx.Response(503, headers={"Retry-After": "3600"})).labels)
        past = httpx.Response(503, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})
        self.assertEqual(client(past, httpx.Response(200, json={"labels": [], "next_after": None})).labels(), [])
        for nonsense in "soon", "-1", "":
            busy = httpx.Response(503, headers={"Retry-After": nonsense})
            self.assertEqual(client(busy, httpx.Response(200, json={"labels": [], "next_after": None})).labels(), [])


if __name__ == "__main__":
    if not httpx:
        print(NO_HTTPX)
        sys.exit(77)  # which ctest takes for skipped
    unittest.main()
