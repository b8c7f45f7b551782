# SPDX-License-Identifier: Apache-2.0
"""shoplens serve as its clients meet it: the real program on a free port, asked with http.client."""
import functools
import http.client
import json
import re
from pathlib import Path

from cli import CliTest
from server import Server


def multipart(photos=(), boundary="parts-boundary-7d1", **parts):
    """(body, headers) of a form: `photos` are {file name: bytes}; of `parts`, a value that is a picture (or is told to
    be by its name, a single letter) is a photo NAME.png, any other a field."""
    body = b""
    files = dict(photos)
    fields = {}
    for name, value in parts.items():
        if name == "photo" or len(name) == 1:
            files[f"{name}.png"] = value
        else:
            fields[name] = value
    for name, value in fields.items():
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"
    for name, value in files.items():
        body += (f'--{boundary}\r\nContent-Disposition: form-data; name="photo"; filename="{name}"\r\n'
                 f"Content-Type: image/png\r\n\r\n").encode() + value + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


@functools.cache
def operations():
    """[(pattern of a path, its template, {method: operation})] that web/openapi.json describes, the plain paths first."""
    paths = json.loads((Path(__file__).parents[1] / "web/openapi.json").read_text())["paths"]
    return [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path, paths[path]) for path in sorted(paths, key=lambda path: "{" in path)]


def described(method, path):
    """(template, operation) of what is asked; None of what is not in the API."""
    for pattern, template, methods in operations():
        if pattern.fullmatch(path.partition("?")[0]):
            return (template, methods[method.lower()]) if method.lower() in methods else None
    return None


class Asked(Server):
    """A server with questions to it; `test` fails when an answer is not as it must be."""

    def __init__(self, test, gallery, *flags, context=None, env=None):
        super().__init__(gallery, *flags, env=env, log_folder=test.folder)
        self.test, self.context = test, context

    def rss(self):
        """MiB of memory that it has now."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024

    def connection(self, timeout=60):
        if self.context:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method, path, body=None, headers=None):
        """(status, headers, body) of one request; a body that is no bytes is sent as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        connection = self.connection()
        try:
            try:
                connection.request(method, path, body, headers)
            except (BrokenPipeError, ConnectionResetError):
                if connection.sock is None:  # it was not even connected
                    raise
                # else it was answered before all of it was sent
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.getheader("Content-Type", "").startswith("application/json"):
            self.test.assertNotIn(str(self.gallery.parent).encode(), answer, "a path of the server")
        if promise := described(method, path):
            self.test.assertIn(str(response.status), promise[1]["responses"], (method, path, answer[:200]))
        return response.status, dict(response.getheaders()), answer

    def json(self, method, path, body=None, headers=None, status=200):
        got, _, answer = self.ask(method, path, body, headers)
        self.test.assertEqual(got, status, answer)
        return json.loads(answer)

    def error(self, status, code, method, path, body=None, headers=None):
        """Asks for what must be refused: with this status and code, in words, and with a hint."""
        error = self.json(method, path, body, headers, status)["error"]
        self.test.assertEqual(error["code"], code, error)
        self.test.assertTrue(error["message"] and error["hint"], error)
        return error


class ServeTest(CliTest):
    """A gallery of 12 photos of 3 labels, and servers on it that end with the test."""

    def setUp(self):
        super().setUp()
        self.build()
        self.fingerprint = self.run_json("index", "list")["pipeline"]["models"][0]["fingerprint"]

    def serve(self, *flags, gallery="gallery.db", **more):
        server = Asked(self, self.folder / gallery, *flags, **more)
        self.addCleanup(server.kill)
        return server.start()

    def photo(self, path):
        return (self.folder / path).read_bytes()

    def ended(self, server, path):
        """A background job once it has ended."""
        self.until(lambda: server.json("GET", path)["state"] not in ("waiting", "running"), 60)
        return server.json("GET", path)

    @staticmethod
    def safe(work, faults):
        """`work` for a thread: what it throws is a fault."""
        def run():
            try:
                work()
            except Exception as e:
                faults.append(repr(e))
        return run
