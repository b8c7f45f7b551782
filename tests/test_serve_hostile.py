# SPDX-License-Identifier: Apache-2.0
"""What somebody who means harm, or a broken program, may send: the server stays up, its memory is bounded, and every
answer is a JSON error with a code and a hint."""
import base64
import concurrent.futures
import contextlib
import io
import json
import os
import random
import socket
import struct
import threading
import time
import unittest
import zlib

import PIL.Image

from serving import ServeTest, multipart


def png(width, height, rows=None, more=b""):
    """A PNG of one grey, as small as it can be; `rows` in place of its pixels, `more` chunks before them."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    if rows is None:
        squeeze, row = zlib.compressobj(9), bytes(1 + width)
        rows = b"".join(squeeze.compress(row) for _ in range(height)) + squeeze.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


def zipped_text(megabytes):
    """A zTXt chunk that inflates to so much."""
    squeeze = zlib.compressobj(9)
    data = b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(megabytes)) + squeeze.flush()
    body = b"Comment\0\0" + data
    return struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))


class Hostile(ServeTest):
    def check_alive(self, server):
        result = server.json("POST", "/v1/recognize", self.photo("test/gala0.png"))["results"][0]
        self.assertEqual(result["label"], "gala")

    def check_answer(self, status, answer, asked):
        """Each is a success, or an error with a code, a message and a hint; never one of ours."""
        if status in (200, 201, 202):
            return
        error = json.loads(answer)["error"]
        self.assertTrue(error["code"] and error["message"] and error["hint"], (asked, answer))
        self.assertLess(status, 500, (asked, answer))

    def raw(self, server, data, seconds=20, shut=False):
        """What the server answers to these bytes until it closes, or for so long."""
        with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
            answer = b""
            try:
                connection.sendall(data)
                if shut:
                    connection.shutdown(socket.SHUT_WR)
                while part := connection.recv(65536):
                    answer += part
            except (ConnectionError, TimeoutError):
                pass
            return answer

    def test_bombs(self):
        server = self.serve()
        server.error(400, "bad_input", "POST", "/v1/recognize", png(60000, 60000, zlib.compress(b"")))
        server.error(400, "bad_input", "POST", "/v1/recognize", png(16000, 16000, zlib.compress(b"")))
        server.error(422, "corrupt", "POST", "/v1/recognize", png(5000, 5000, zlib.compress(b"")))
        # Text beside the picture is not read, however long it becomes.
        result = server.json("POST", "/v1/recognize", png(40, 40, more=zipped_text(300)))["results"][0]
        self.assertIn("label", result)
        before = server.rss()
        self.assertLess(before, 1500)

        # Thirty at once of the largest that is allowed, 147 MB a picture.
        large, statuses = png(7000, 7000), []
        self.assertLess(len(large), 1 << 17)
        most = [0]
        done = threading.Event()

        def watch():
            while not done.wait(0.02):
                most[0] = max(most[0], server.rss())

        def ask():
            status, _, answer = server.ask("POST", "/v1/recognize", large)
            statuses.append(status)
            if status not in (200, 429, 504):
                statuses.append(answer)

        watcher = threading.Thread(target=watch)
        watcher.start()
        threads = [threading.Thread(target=ask) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        done.set()
        watcher.join()
        self.assertLessEqual(set(statuses), {200, 429, 504})
        self.assertIn(200, statuses)
        print(f"30 photos of 49 megapixels at once: {statuses.count(200)} answered, {before:.0f} MiB before, at most "
              f"{most[0]:.0f} MiB", flush=True)
        self.assertLess(most[0] - before, 700)
        self.check_alive(server)

    @unittest.skipIf("TSAN_OPTIONS" in os.environ, "ThreadSanitizer's shadow is memory too")
    def test_pictures_that_take_more_memory_than_they_are_large(self):
        """Progressive ones keep all their coefficients, CMYK is of four colours."""
        pictures = {}
        for kind in "RGB", "CMYK":
            file = io.BytesIO()
            PIL.Image.new(kind, (7000, 7000)).save(file, "JPEG", progressive=True, subsampling=0)
            pictures[kind] = file.getvalue()
        for kind, picture in pictures.items():
            server = self.serve("--deadline", 60)
            before = server.rss()
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                answers = [pool.submit(server.ask, "POST", "/v1/recognize", picture) for _ in range(8)]
                most = 0
                while not all(answer.done() for answer in answers):
                    most = max(most, server.rss())
                    time.sleep(0.02)
            statuses = [answer.result()[0] for answer in answers]
            self.assertLessEqual(set(statuses), {200, 429})
            self.assertIn(200, statuses)
            print(f"8 progressive {kind} photos of 49 megapixels at once: {before:.0f} MiB before, at most {most:.0f} MiB",
                  flush=True)
            # One at a time: coefficients of 16 bits and the picture.
            self.assertLess(most - before, 49 * (2 * len(kind) + 3) / 1.048576 + 150)
            server.stop()

    def test_a_body_of_a_million_things_is_refused_at_once(self):
        server = self.serve()
        before = server.rss()
        for body in b"[" + b"1," * (16 << 20) + b"1]", b"[" + b"{}," * (10 << 20) + b"{}]", b'{"' + b"\\" * (15 << 20) + b'":1}':
            begin = time.monotonic()
            status, _, answer = server.ask("POST", "/v1/recognize", body[:32 << 20], {"Content-Type": "application/json"})
            self.assertIn(status, (400, 413))
            self.check_answer(status, answer, body[:9])
            self.assertLess(time.monotonic() - begin, 5)
        self.assertLess(server.rss() - before, 200)
        self.check_alive(server)

    @unittest.skipIf("TSAN_OPTIONS" in os.environ, "ThreadSanitizer makes each of them too slow")
    def test_large_pictures_that_are_shown_keep_nobody_waiting(self):
        server = self.serve("--deadline", 120)  # for all of them, on a slow machine too
        body, headers = multipart(photo=png(7000, 7000), label=b"large")
        item = server.json("POST", "/v1/items", body, headers, status=201)["items"][0]
        faults, waited = [], []

        def show():
            if server.ask("GET", item["photo"] + "?side=160")[0] != 200:
                faults.append("not shown")

        threads = [threading.Thread(target=self.safe(show, faults)) for _ in range(40)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            for path in "/healthz", "/app.js", "/v1/labels":
                begin = time.monotonic()
                self.assertEqual(server.ask("GET", path)[0], 200)
                waited.append(time.monotonic() - begin)
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])
        self.assertGreater(len(waited), 10)
        self.assertLess(max(waited), 2, "a picture takes longer than that to be its turn")

    def test_torn_and_double_pictures(self):
        server = self.serve()
        photo = self.photo("test/gala0.png")
        for end in range(1, len(photo), 97):
            status, _, answer = server.ask("POST", "/v1/recognize", photo[:end])
            self.assertIn(status, (400, 415, 422))
            self.check_answer(status, answer, end)
        page = b"<!DOCTYPE html><script>alert(1)</script>"
        for double in photo + page, photo + b"PK\x03\x04" + bytes(50), b"GIF89a/*" + photo, page + photo:
            status, _, answer = server.ask("POST", "/v1/recognize", double)
            self.check_answer(status, answer, double[:20])
        # One that is a picture and a page is shown as a picture only.
        body, headers = multipart(photo=photo + page, label=b"both")
        item = server.json("POST", "/v1/items", body, headers, status=201)["items"][0]
        status, headers, _ = server.ask("GET", item["photo"])
        self.assertEqual((status, headers["Content-Type"]), (200, "image/png"))
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertIn("sandbox", headers["Content-Security-Policy"])
        status, _, answer = server.ask("POST", "/v1/items", *multipart(photo=page, label=b"page"))
        self.assertEqual(status, 415, answer)

    def test_ten_thousand_malformed_requests(self):
        server = self.serve()
        photo, chance = self.photo("test/gala0.png"), random.Random(11)
        form, form_headers = multipart(a=photo, label=b"kiwi", shelf=b"3")
        text = json.dumps({"photos": [base64.b64encode(photo).decode(), {"name": "x", "base64": "AAAA"}],
                           "label": "kiwi"}).encode()
        tokens = [b"\r\n", b"--", b"\0", b"\xff", b'"', b"{", b"[", b":", b"Content-Disposition", b"filename", b"%00",
                  b"parts-boundary-7d1", b"\\u0000", b"1e999", b"null", b";"]

        def spoilt(data):
            data = bytearray(data)
            for _ in range(chance.randrange(1, 6)):
                place = chance.randrange(len(data) + 1)
                kind = chance.randrange(5)
                if kind == 0:
                    data[place:place] = chance.choice(tokens)
                elif kind == 1:
                    del data[place:place + chance.randrange(1, 200)]
                elif kind == 2 and data:
                    data[min(place, len(data) - 1)] = chance.randrange(256)
                elif kind == 3:
                    data[place:place] = data[:chance.randrange(0, 100)] * chance.randrange(1, 4)
                else:
                    del data[place:]
            return bytes(data)

        paths = ["/v1/recognize", "/v1/items", "/v1/labels/gala", "/v1/unknowns/1", "/v1/explain?item=1", "/v1/imports"]
        connection, seen = server.connection(), {}
        start = server.rss()
        for i in range(10_000):
            if chance.random() < 0.5:
                body, headers = spoilt(form), dict(form_headers)
            else:
                body, headers = spoilt(text), {"Content-Type": "application/json"}
            if chance.random() < 0.1:
                headers["Content-Type"] = spoilt(headers["Content-Type"].encode()).decode("latin-1").translate(
                    {c: None for c in (*range(32), 127)})
            method = chance.choice(["POST", "POST", "POST", "PUT", "DELETE", "GET"])
            path = chance.choice(paths) if chance.random() < 0.95 else "/" + spoilt(b"v1/items/1/photo").hex()
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                answer = response.read()
            except (ConnectionError, OSError):  # closed after a refusal that had not read the body
                connection.close()
                connection = server.connection()
                continue
            seen[response.status] = seen.get(response.status, 0) + 1
            self.check_answer(429 if response.status == 429 else response.status, answer, (method, path, body[:200]))
            if response.getheader("Connection") == "close":
                connection.close()
                connection = server.connection()
        connection.close()
        print(f"statuses of 10,000 malformed requests: {dict(sorted(seen.items()))}; memory {start:.0f} -> "
              f"{server.rss():.0f} MiB", flush=True)
        self.assertGreater(sum(seen.values()), 9000)
        self.assertLess(server.rss() - start, 200)
        self.assertTrue(self.run_json("index", "verify")["sound"])

    def test_what_is_no_http(self):
        server = self.serve()
        chance = random.Random(12)
        photo = self.photo("test/gala0.png")
        cases = [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),  # TLS where there is none
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET /\r\n\r\n",
            b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
            b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
            b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n" + bytes(99),
            # Two lengths, of which a proxy may have believed the other.
            b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"0\r\n\r\nGET /v1/snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20000 + b"\r\n\r\n",
            b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
            b"GET /v1/items HTTP/1.1\r\nHost: localhost\r\n folded: header\r\n\r\n",
            b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET http://example.com/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ]
        cases += [bytes(chance.randrange(256) for _ in range(chance.randrange(1, 500))) for _ in range(200)]
        for case in cases:
            answer = self.raw(server, case, shut=True)
            self.assertNotIn(b"vnd.sqlite3", answer)
            if answer:
                head, _, body = answer.partition(b"\r\n\r\n")
                self.assertRegex(head, rb"^HTTP/1\.[01] 4\d\d ", case[:100])
                self.assertTrue(json.loads(body)["error"]["hint"], case[:100])
                self.assertIn(b"Content-Security-Policy", head)
        self.check_alive(server)
        # What was promised and does not come is not waited for with anybody else.
        self.raw(server, b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n" + photo[:50], 1)
        self.check_alive(server)

    def test_clients_that_dribble(self):
        server = self.serve("--max-connections-per-client", 300)
        slow = []
        for i in range(200):
            connection = socket.create_connection(("127.0.0.1", server.port))
            connection.sendall(b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\n")
            slow.append(connection)
        begin = time.monotonic()
        while time.monotonic() - begin < 6:
            for i, connection in enumerate(slow):
                connection.sendall(b"X-%d: y\r\n" % i)
            asked = time.monotonic()
            self.check_alive(server)
            self.assertLess(time.monotonic() - asked, 2)
            time.sleep(0.5)
        closed = 0
        for connection in slow:  # given ten seconds for a header, however lively they are
            connection.settimeout(max(0.1, begin + 14 - time.monotonic()))
            try:
                closed += connection.recv(100) == b""
            except ConnectionError:
                closed += 1
            except TimeoutError:
                pass
            connection.close()
        self.assertEqual(closed, 200)
        self.check_alive(server)

    def test_large_bodies_that_dribble_keep_no_memory_from_others(self):
        server = self.serve()
        heads = [b"Content-Length: %d\r\n\r\n" % (32 << 20), b"Transfer-Encoding: chunked\r\n\r\n"]
        slow = []
        for i in range(128):
            connection = socket.create_connection(("127.0.0.1", server.port), source_address=("127.0.0.2", 0))
            self.addCleanup(connection.close)
            connection.sendall(b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\n" + heads[i % 2])
            slow.append(connection)
        for _ in range(10):
            for connection in slow:
                connection.sendall(b"1\r\nx\r\n" * 20)
            begin = time.monotonic()
            self.check_alive(server)
            self.assertLess(time.monotonic() - begin, 10)
            time.sleep(0.1)
        for connection in slow:  # none was refused for the others
            connection.setblocking(False)
            with self.assertRaises(BlockingIOError):
                connection.recv(1)

    def test_bodies_that_come_and_do_not_end_take_no_more_memory_than_there_is(self):
        server = self.serve("--max-body", 1, "--max-upload", 1)  # 17 MiB for all
        before = server.rss()
        # As one piece, and as chunks of a byte, of which the last is always on its way.
        for head, body in ((b"Content-Length: 1048576", bytes(1_000_000)),
                           (b"Transfer-Encoding: chunked", b"1\r\nx\r\n" * 1_000_000 + b"1")):
            held, refused = set(), []
            for _ in range(30):
                connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
                self.addCleanup(connection.close)
                held.add(connection)
                with contextlib.suppress(ConnectionError):  # refused by then
                    connection.sendall(b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n" + body)
                connection.setblocking(False)

            def are_refused(count):
                for connection in list(held):
                    try:
                        refused.append(connection.recv(1000))
                    except BlockingIOError:
                        continue
                    except ConnectionError:
                        refused.append(b"")
                    held.remove(connection)
                return len(refused) == count

            self.until(lambda: are_refused(13))
            self.assertTrue(all(b" 503 " in answer[:20] for answer in refused if answer), refused)
            self.assertLess(server.rss() - before, 60)
            server.error(503, "overloaded", "POST", "/v1/recognize", bytes(900_000))
            for connection in held:
                connection.close()
            self.until(lambda: server.ask("POST", "/v1/recognize", self.photo("test/gala0.png"))[0] == 200)

    def test_too_many_connections(self):
        server = self.serve("--max-connections", 60, "--max-connections-per-client", 50)
        held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]
        time.sleep(0.3)
        refused = 0
        for connection in held:
            connection.settimeout(0.05)
            try:
                refused += connection.recv(1) == b""
            except TimeoutError:
                pass
            except ConnectionError:
                refused += 1
        self.assertGreaterEqual(refused, 50)
        for connection in held:
            connection.close()
        self.until(lambda: self.raw(server, b"GET /healthz HTTP/1.0\r\n\r\n"))
        self.check_alive(server)

    def test_names_and_paths_reach_no_file(self):
        server = self.serve()
        photo = self.photo("test/gala0.png")
        before = {p for p in self.folder.rglob("*")}
        for path in ("/../../../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd",
                     "/v1/items/../../x", "/v1/items/1/photo/../../../gallery.db", "/v1/items/%2e%2e", "/app.js/../gallery.db",
                     "/v1/items/-1", "/v1/items/1e3", "/v1/items/9999999999999999999", "/v1/items/1%00/photo",
                     "/v1/labels/..%2f..%2fx", "/.git/config", "/gallery.db"):
            for method in "GET", "DELETE":
                status, _, answer = server.ask(method, path)
                self.assertIn(status, (400, 404, 405), (method, path, answer))
        for name in "../../evil.png", "/etc/cron.d/evil", "..\\..\\evil.png", "a\0b.png", "x" * 5000:
            body, headers = multipart({name: photo}, label=b"../../evil")
            status, _, answer = server.ask("POST", "/v1/items", body, headers)
            self.check_answer(status, answer, name)
            status, _, answer = server.ask("POST", "/v1/imports", *multipart({"../../" + name: photo}))
            self.check_answer(status, answer, name)
        time.sleep(0.5)
        after = {p for p in self.folder.rglob("*")}
        self.assertLessEqual({p.name for p in after - before}, {"gallery.db-wal", "gallery.db-shm", "gallery.db.imports"})
        self.assertFalse(os.path.exists("/etc/cron.d/evil"))
        for item in server.json("GET", "/v1/items?label=..%2F..%2Fevil")["items"]:
            self.assertTrue(item["path"].startswith("sha256/"))

    def test_oversized_everything(self):
        server = self.serve("--max-body", 1, "--max-photos", 4)
        photo = self.photo("test/gala0.png")
        deep = b"[" * 5000 + b"]" * 5000
        cases = [
            ("POST", "/v1/recognize", deep, {"Content-Type": "application/json"}),
            ("POST", "/v1/recognize", b'{"photos":' + deep + b"}", {"Content-Type": "application/json"}),
            ("POST", "/v1/recognize", json.dumps({"photos": ["AA=="] * 5000}).encode(), {"Content-Type": "application/json"}),
            ("POST", "/v1/recognize", json.dumps({str(i): "x" for i in range(9999)}).encode(), {"Content-Type": "application/json"}),
            ("POST", "/v1/recognize", *multipart({f"{i}.png": b"x" for i in range(3000)})),
            ("POST", "/v1/items", *multipart(photo=photo, label=b"x" * 5000)),
            ("POST", "/v1/items", *multipart(photo=photo, label=b"ok", column=b"x" * 5000)),
            ("POST", "/v1/items", *multipart({"a.png": photo}, **{f"column{i}": b"x" for i in range(3000)}, label=b"l")),
            ("POST", "/v1/recognize", *multipart({"a" * 60000 + ".png": photo})),
            ("POST", "/v1/recognize", *multipart({"a" * 2000 + ".png": photo})),
            ("POST", "/v1/imports", {"label": "l", "photos": [{"name": "a" * 500_000, "base64": "AAAA"}]}, {}),
            ("PUT", "/v1/labels/gala", {"name": "x" * 70000}, {}),
            ("PUT", "/v1/labels/" + "x" * 9000, {"name": "x"}, {}),
            ("GET", "/v1/items?" + "&".join(f"a{i}=1" for i in range(3000)), None, {}),
            ("POST", "/v1/items", photo, {"Idempotency-Key": "x" * 3000}),
        ]
        for method, path, body, headers in cases:
            status, _, answer = server.ask(method, path, body, headers)
            self.assertIn(status, (400, 404, 413, 431), (method, path[:60], answer[:200]))
            self.check_answer(status, answer, path[:60])
        for columns in {f"c{i}": b"x" for i in range(33)}, {f"c{i}": b"x" * 4000 for i in range(5)}:
            error = server.error(400, "bad_request", "POST", "/v1/items", *multipart({"a.png": photo}, **columns, label=b"l"))
            self.assertIn("want at most 32 columns, of 16384 bytes with their names, got ", error["message"])
        columns = {f"c{i}": b"x" * 500 for i in range(32)}
        most = {f"{i}.png": photo for i in range(4)}  # photos, and columns
        server.json("POST", "/v1/items", *multipart(most, **columns, label=b"gala"), status=201)
        photos = [{"name": "ä" * 1024, "base64": base64.b64encode(photo).decode()}]
        self.assertEqual(server.json("POST", "/v1/recognize", {"photos": photos})["results"][0]["name"], "ä" * 1024)
        photos[0]["name"] += "a"
        error = server.error(400, "bad_request", "POST", "/v1/recognize", {"photos": photos})
        self.assertEqual(error["message"], "upload: want a photo's name of at most 1024 characters, got 1025")
        self.check_alive(server)

    def test_an_address_that_is_sent_is_not_fetched(self):
        server = self.serve()
        photo = self.photo("test/gala0.png")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/photo.png"
            encoded = base64.b64encode(photo).decode()
            bodies = [{"photos": [url]}, {"photos": [{"url": url}]}, {"photos": [{"name": url, "base64": encoded}]},
                      {"photos": [{"name": "a", "base64": url}]}, {"photos": [{"base64": encoded, "url": url, "href": url}]},
                      {"photos": [base64.b64encode(url.encode()).decode()]}, {"photos": url}, url]
            bodies += [{"photos": [encoded], name: url}
                       for name in ("url", "uri", "href", "image_url", "photo_url", "source", "callback", "webhook", "label", "top")]
            svg = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/></svg>'.encode()
            xml = f'<!DOCTYPE a [<!ENTITY b SYSTEM "{url}">]><a>&b;</a>'.encode()
            statuses = set()

            def ask(path, body, headers=None):
                status, _, answer = server.ask("POST", path, body, headers)
                self.check_answer(status, answer, path)
                statuses.add(status)

            for path in "/v1/recognize", "/v1/explain?item=1", "/v1/items?label=gala", "/v1/imports?label=gala":
                for body in bodies:
                    ask(path, body)
                for content in url.encode(), svg, xml:
                    ask(path, content)
                    ask(path, *multipart(photo=content))
                for name in "url", "image_url", "source":
                    ask(path, *multipart({url: photo}, **{name: url.encode()}))
                headers = {name: url for name in ("Referer", "Location", "Content-Location", "X-Forwarded-Host", "Link", "Origin")}
                ask(path, photo, headers)
                ask(f"{path}{'&' if '?' in path else '?'}url={url}", photo)
            ask(url, photo)  # as a proxy would be asked
            self.assertLessEqual({200, 201, 202}, statuses)
            self.until(lambda: all(job["state"] == "done" for job in server.json("GET", "/v1/imports")["jobs"]))
            listener.settimeout(0.5)
            with self.assertRaises(TimeoutError):
                listener.accept()
        self.check_alive(server)


if __name__ == "__main__":
    unittest.main()
