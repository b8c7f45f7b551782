# SPDX-License-Identifier: Apache-2.0
"""What disks, power and clocks do: after a restart every acknowledged change is there, and the gallery is sound."""
import hashlib
import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

from cli import write_png
from serving import Asked, ServeTest, multipart
from test_serve_hostile import png


class Faults(ServeTest):
    def pictures(self, count):
        photos = []
        for i in range(count):
            write_png(self.folder / "one.png", f"picture{i}", f"label{i}")
            photos.append(self.photo("one.png"))
        return photos

    def test_killed_at_random_during_200_writes_under_load(self):
        photos, chance = self.pictures(200), random.Random(5)
        # Photos to add, and what becomes of some: each tenth is removed, each tenth gets another label.
        todo, lock, wrong = list(range(200)), threading.Lock(), []
        acknowledged, removed, renamed, kills = {}, set(), set(), 0

        def change(server, method, path, *what, key):
            """The answer to a change, sent again with its key while the server has too much to do."""
            body, headers = what or (None, {})
            while True:
                status, _, answer = server.ask(method, path, body, {**headers, "Idempotency-Key": key})
                if status not in (429, 503):
                    return status, json.loads(answer)

        while todo and not wrong:
            server, stop = self.serve(), threading.Event()
            done = threading.Semaphore(0)  # released for each photo that is done with
            # Killed amid the writes, after a number of them and not a time, so that a fast machine is not through before.
            until = min(chance.randint(1, 20), len(todo))

            def write():
                while not stop.is_set():
                    with lock:
                        if not todo:
                            return
                        i = todo.pop(0)
                    try:
                        if i not in acknowledged:
                            status, answer = change(server, "POST", "/v1/items", *multipart(photo=photos[i], label=b"label%d" % i),
                                                    key=f"add-{i}")
                            if status != 201:
                                return wrong.append(answer)
                            acknowledged[i] = answer["items"][0]["id"]
                        if i % 10 == 0:
                            status, answer = change(server, "DELETE", f"/v1/items/{acknowledged[i]}", key=f"remove-{i}")
                            removed.add(i)
                        if i % 10 == 1:
                            status, answer = change(server, "PUT", f"/v1/labels/label{i}", {"name": f"renamed{i}"}, {}, key=f"rename-{i}")
                            renamed.add(i)
                        if status not in (200, 201):
                            wrong.append(answer)
                        done.release()
                    except (OSError, http.client.HTTPException):
                        with lock:  # no answer came: it may be done or not, so it is sent again
                            todo.append(i)

            def read():
                while not stop.is_set():
                    try:
                        status, _, answer = server.ask("POST", "/v1/recognize", photos[0])
                        if status not in (200, 429):
                            wrong.append(answer)
                    except (OSError, http.client.HTTPException):
                        pass

            threads = [threading.Thread(target=write) for _ in range(4)] + [threading.Thread(target=read) for _ in range(3)]
            for thread in threads:
                thread.start()
            for _ in range(until):
                self.assertTrue(done.acquire(timeout=60), "no change is done")
            time.sleep(chance.uniform(0, 0.005))
            server.process.kill()
            kills += 1
            stop.set()
            for thread in threads:
                thread.join()
            server.kill()
            self.assertTrue(self.run_json("index", "verify")["sound"])
        print(f"{kills} kills, {len(acknowledged)} photos, {len(removed)} removals, {len(renamed)} new names acknowledged", flush=True)
        self.assertEqual(wrong, [])
        self.assertEqual((len(acknowledged), len(removed), len(renamed)), (200, 20, 20))
        self.assertGreaterEqual(kills, 8)
        server = self.serve()
        for i, item in acknowledged.items():
            status, _, answer = server.ask("GET", f"/v1/items/{item}")
            if i in removed:
                self.assertEqual(status, 404, i)
                continue
            self.assertEqual(status, 200, i)
            self.assertEqual(json.loads(answer)["label"], f"renamed{i}" if i in renamed else f"label{i}")
            self.assertEqual(server.ask("GET", f"/v1/items/{item}/photo")[2], photos[i])
            found = server.json("POST", "/v1/recognize", photos[i])["results"][0]["neighbours"][0]
            self.assertGreater(found["score"], 0.999)
        labels = {l["label"]: l["photos"] for l in server.json("GET", "/v1/labels?limit=1000")["labels"]}
        expected = {f"renamed{i}" if i % 10 == 1 else f"label{i}" for i in range(200) if i % 10}
        self.assertEqual({label for label in labels if label.startswith(("label", "renamed"))}, expected)
        self.assertEqual({labels[label] for label in expected}, {1}, "added twice")

    def test_killed_again_and_again_in_an_import(self):
        picture, chance = png(2500, 2500), random.Random(8)  # which takes a while to read
        photos = [picture + b"%d" % i for i in range(300)]  # each another file
        paths = {"sha256/" + hashlib.sha256(photo).hexdigest()[:32]: f"label{i % 3}" for i, photo in enumerate(photos)}
        self.assertEqual(len(paths), 300)
        body, headers = multipart({f"crate/label{i % 3}/{i}.png": photo for i, photo in enumerate(photos)})
        headers["Idempotency-Key"] = "import"
        spool, server = self.folder / "gallery.db.imports", self.serve()

        def start_again():
            server.kill()
            self.assertTrue(self.run_json("index", "verify")["sound"])
            server.start()

        for i in range(4):  # on the way to its 202
            sent = threading.Thread(target=self.safe(lambda: server.ask("POST", "/v1/imports", body, headers), []))
            sent.start()
            time.sleep(chance.uniform(0, 0.1))
            server.process.kill()
            sent.join()
            start_again()
            self.assertEqual([file for file in spool.iterdir() if not file.name.isdigit()] if spool.exists() else [], [])
            for job in server.json("GET", "/v1/imports")["jobs"]:  # it was on disk: not to be begun more often than it may be
                server.json("DELETE", f"/v1/imports/{job['id']}")
        job = server.json("POST", "/v1/imports", body, headers, status=202)
        path, done, removed = f"/v1/imports/{job['id']}", [0], None
        for until in 0, 0.2, 128, 0, 0.5, 256, 0.1:  # so many photos, or seconds of the next ones
            self.until(lambda: server.json("GET", path)["done"] >= until, 60) if until > 1 else time.sleep(until)
            if until == 128:  # one that was removed is not brought back
                removed = next(i for i in server.json("GET", "/v1/items?limit=1000")["items"] if i["path"] in paths)
                server.json("DELETE", f"/v1/items/{removed['id']}")
            start_again()
            state = server.json("GET", path)
            self.assertGreaterEqual(state["done"], max(done[-1], until if until > 1 else 0))
            done.append(state["done"])
        print(f"an import of 300 photos went on after {done[1:]}", flush=True)
        self.assertTrue({128, 256} & set(done), "it was not killed in its midst")
        state = self.ended(server, path)
        self.assertEqual({k: state[k] for k in ("state", "total", "done", "added", "existing", "failed")},
                         {"state": "done", "total": 300, "done": 300, "added": 300, "existing": 0, "failed": 0})
        paths.pop(removed["path"])
        for _ in range(2):
            items = [i for i in server.json("GET", "/v1/items?limit=1000")["items"] if i["path"].startswith("sha256/")]
            self.assertEqual(len(items), 299)
            self.assertEqual({i["path"]: i["label"] for i in items}, paths)
            self.assertEqual(server.json("POST", "/v1/imports", body, headers, status=202), state)
            self.assertEqual(list(spool.iterdir()), [])
            start_again()

    def test_a_second_server_leaves_the_imports_of_the_first(self):
        server, picture = self.serve(), png(2500, 2500)
        body, headers = multipart({f"crate/label/{i}.png": picture + b"%d" % i for i in range(40)})
        job = server.json("POST", "/v1/imports", body, headers, status=202)
        spool = self.folder / "gallery.db.imports"
        (spool / "1.tmp1-1").write_bytes(b"")  # as of one that comes
        second = Asked(self, server.gallery)
        second.port = server.port
        with self.assertRaisesRegex(AssertionError, "another server on this gallery"):
            second.start()
        self.assertEqual({file.name for file in spool.iterdir()}, {str(job["id"]), "1.tmp1-1"})
        state = self.ended(server, f"/v1/imports/{job['id']}")
        self.assertEqual((state["state"], state["added"], state["existing"]), ("done", 40, 0))
        second = self.serve()
        self.assertEqual(second.error(503, "imports_elsewhere", "POST", "/v1/imports", body, headers)["message"].count("server"), 1)
        server.kill()
        again = second.json("POST", "/v1/imports", body, headers, status=202)
        self.assertEqual(self.ended(second, f"/v1/imports/{again['id']}")["existing"], 40)
        self.assertEqual(list(spool.iterdir()), [])

    def mount(self, size):
        """A small disk of its own for the gallery, or the test is skipped."""
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], capture_output=True)
        if mounted.returncode:
            self.skipTest("want root's right to mount a tmpfs")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        shutil.copy(self.folder / "gallery.db", disk)
        shutil.copy(self.folder / "model.onnx", disk)
        (disk / "train").symlink_to(self.folder / "train")
        return disk

    def test_a_full_disk(self):
        disk = self.mount("2m")
        photos = self.pictures(400)
        server = self.serve(gallery=disk / "gallery.db")
        kept, status = [], 0
        for i, photo in enumerate(photos):
            status, _, answer = server.ask("POST", "/v1/items", *multipart(photo=photo, label=b"label"))
            if status != 201:
                break
            kept.append(json.loads(answer)["items"][0]["id"])
        self.assertEqual(status, 503, "the disk was large enough for all")
        self.assertEqual(json.loads(answer)["error"]["code"], "storage")
        self.assertGreater(len(kept), 20)
        # It still answers, and with room again it still changes.
        self.assertEqual(server.json("POST", "/v1/recognize", photos[0])["results"][0]["label"], "label")
        subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
        added = server.json("POST", "/v1/items", *multipart(photo=photos[-1], label=b"late"), status=201)
        server.kill()
        self.assertTrue(self.run_json("index", "verify", "--gallery", disk / "gallery.db")["sound"])
        server = self.serve(gallery=disk / "gallery.db")
        for item in kept + [added["items"][0]["id"]]:
            self.assertEqual(server.ask("GET", f"/v1/items/{item}")[0], 200)

    def test_an_import_that_the_disk_has_no_room_for(self):
        disk = self.mount("2m")
        server = self.serve(gallery=disk / "gallery.db")
        photo, noise = self.photo("test/gala0.png"), random.Random(9)

        def import_of(count, size):
            return multipart({f"large/{i}.png": photo + noise.randbytes(size) for i in range(count)})

        server.error(503, "storage", "POST", "/v1/imports", *import_of(3, 1 << 20))
        self.assertEqual(list((disk / "gallery.db.imports").iterdir()), [])
        self.assertEqual(server.json("GET", "/v1/imports")["jobs"], [])
        # There is room for what is sent, but not beside it for the gallery: it waits, whatever comes.
        job = server.json("POST", "/v1/imports", *import_of(120, 10_000), status=202)
        path = f"/v1/imports/{job['id']}"
        for _ in range(2):
            self.until(lambda: "waits for the gallery" in (server.json("GET", path)["message"] or ""))
            self.assertEqual(server.json("GET", path)["state"], "running")
            self.assertEqual(server.json("GET", path)["done"], 0)
            self.assertEqual(server.json("POST", "/v1/recognize", photo)["results"][0]["label"], "gala")
            server.kill()
            server.start()
        subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
        state = self.ended(server, path)
        self.assertEqual((state["state"], state["added"], state["message"]), ("done", 120, None))
        self.assertEqual(list((disk / "gallery.db.imports").iterdir()), [])
        server.stop()
        self.assertTrue(self.run_json("index", "verify", "--gallery", disk / "gallery.db")["sound"])

    def test_a_disk_that_becomes_read_only(self):
        disk = self.mount("8m")
        server = self.serve(gallery=disk / "gallery.db")
        photo = self.photo("test/gala0.png")
        server.json("POST", "/v1/items", *multipart(photo=photo, label=b"before"), status=201)

        def answers_but_does_not_change():
            self.assertEqual(server.json("POST", "/v1/recognize", photo)["results"][0]["label"], "before")
            server.error(503, "storage", "DELETE", "/v1/labels/before")
            server.error(503, "storage", "POST", "/v1/items", *multipart(photo=photo, label=b"after"))
            self.assertEqual(server.json("POST", "/v1/recognize", photo)["results"][0]["label"], "before")

        # While it serves: a kernel does so itself after an error of the disk.
        subprocess.run(["mount", "-o", "remount,ro", "-f", disk], check=False)
        if subprocess.run(["mount", "-o", "remount,ro", disk], capture_output=True).returncode == 0:
            answers_but_does_not_change()
        server.kill()
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        # The log of the killed one is to be read, not written.
        server = self.serve(gallery=disk / "gallery.db")
        answers_but_does_not_change()
        server.kill()
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        self.assertTrue(self.run_json("index", "verify", "--gallery", disk / "gallery.db")["sound"])
        server = self.serve(gallery=disk / "gallery.db")
        self.assertEqual(server.json("POST", "/v1/recognize", photo)["results"][0]["label"], "before")
        server.json("DELETE", "/v1/labels/before")

    def test_a_folder_for_temporary_files_that_vanishes(self):
        folder, photo = self.folder / "temporary", self.photo("test/gala0.png")
        folder.mkdir()
        server = self.serve(env={**os.environ, "TMPDIR": str(folder)})
        self.assertNotIn("TMPDIR", server.log)
        snapshot = server.ask("GET", "/v1/snapshot")[2]
        self.until(lambda: not any(folder.iterdir()))
        folder.rmdir()

        def says_so():
            for method, path, body in (("POST", "/v1/restore", snapshot), ("POST", "/v1/upgrades", snapshot),
                                       ("GET", "/v1/snapshot", None)):
                server.error(503, "storage", method, path, body)
            self.assertEqual(server.json("POST", "/v1/recognize", photo)["results"][0]["label"], "gala")

        says_so()
        folder.mkdir()
        server.json("POST", "/v1/restore", snapshot)
        server.stop()
        shutil.rmtree(folder)
        server.start()
        self.assertRegex(server.log, "warning: .*TMPDIR")
        says_so()

    def test_a_corrupt_page(self):
        gallery = self.folder / "gallery.db"
        whole = gallery.read_bytes()
        server = self.serve()
        sound = server.json("POST", "/v1/recognize", self.photo("test/gala0.png"))["results"]
        server.stop()
        refused = served = told = 0
        for page in range(0, len(whole) // 4096):
            for suffix in "-wal", "-shm":
                Path(f"{gallery}{suffix}").unlink(missing_ok=True)
            spoilt = bytearray(whole)
            spoilt[page * 4096:(page + 1) * 4096] = random.Random(page).randbytes(4096)
            gallery.write_bytes(spoilt)
            try:
                server = self.serve()
            except AssertionError as e:  # said why, and how to find out more
                self.assertRegex(str(e), r"error: .*gallery\.db")
                refused += 1
                continue
            try:
                for method, path, body in (("POST", "/v1/recognize", self.photo("test/gala0.png")), ("GET", "/v1/items", None),
                                           ("DELETE", "/v1/items/1", None), ("GET", "/v1/items/2/photo", None)):
                    status, _, answer = server.ask(method, path, body)
                    self.assertIn(status, (200, 404, 500, 503), answer)
                    if path == "/v1/recognize":  # never by what was spoilt
                        self.assertEqual((status, json.loads(answer)["results"]), (200, sound))
                self.assertIsNone(server.process.poll())
                served += 1
            finally:
                server.kill()
        told = refused + served
        print(f"of {told} spoilt pages {refused} were refused at the start, {served} were served on", flush=True)
        self.assertGreater(refused, 0)

    def test_jumps_of_the_clock(self):
        library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
        if not library:
            self.skipTest("want libfaketime")
        if "TSAN_OPTIONS" in os.environ:
            self.skipTest("ThreadSanitizer wants to be the first library")
        clock = self.folder / "clock"
        clock.write_text("+0")
        env = {**os.environ, "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
               "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        server = self.serve("--rate", 1000, env=env)
        photos = self.pictures(6)
        key = {"Idempotency-Key": "once"}
        body, headers = multipart(photo=photos[0], label=b"once")
        first = server.json("POST", "/v1/items", body, {**headers, **key}, status=201)
        keys = {}
        for i, jump in enumerate(("-2y", "+2y", "-400d", "+0", "-1h")):
            clock.write_text(jump)
            keys[jump] = {"Idempotency-Key": f"delete {jump}".replace(" ", "")}
            self.assertEqual(server.json("DELETE", f"/v1/items/{i + 1}", headers=keys[jump]), {"removed": 1})
            begin = time.monotonic()
            added = server.json("POST", "/v1/items", *multipart(photo=photos[i + 1], label=b"later"), status=201)
            self.assertEqual(added["added"], 1)
            found = server.json("POST", "/v1/recognize", photos[i + 1])["results"][0]
            self.assertEqual(found["neighbours"][0]["id"], added["items"][0]["id"])
            self.assertLess(time.monotonic() - begin, 3)
        self.assertEqual({line["time"][:4] for line in map(json.loads, (l for l in server.log.splitlines() if l[0] == "{"))} &
                         {str(time.gmtime().tm_year)}, {str(time.gmtime().tm_year)})
        again = server.json("POST", "/v1/items", body, {**headers, **key}, status=201)
        self.assertEqual(again["items"][0]["id"], first["items"][0]["id"])
        self.assertEqual(server.json("DELETE", "/v1/items/1", headers=keys["-2y"]), {"removed": 1})  # once, not 404
        server.stop()
        self.assertTrue(self.run_json("index", "verify")["sound"])


if __name__ == "__main__":
    done = unittest.main(exit=False).result
    if done.testsRun == len(done.skipped) > 0:
        sys.exit(77)  # which ctest takes for skipped
    sys.exit(not done.wasSuccessful())
