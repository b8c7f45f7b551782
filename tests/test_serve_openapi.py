# SPDX-License-Identifier: Apache-2.0
"""What /openapi.json promises, held against the real server by schemathesis: made-up requests, sound and not."""
import importlib.util
import json
import subprocess
import sys
import unittest
import urllib.parse
from pathlib import Path

from cli import TESTS
from serving import ServeTest, described, multipart


class Checked:
    """Holds each answer of a server to what its description says: status, headers, type, schema. `kept` is what was
    shown of that: (method, template of the path, status)."""

    def __init__(self, server, kept):
        self.server, self.ask, self.kept = server, server.ask, kept
        self.document = server.json("GET", "/openapi.json")
        server.ask = self.asked

    def asked(self, method, path, *more):
        import jsonschema_rs
        status, headers, answer = self.ask(method, path, *more)
        test, template = self.server.test, described(method, path)[0]
        place = ["paths", template, method.lower(), "responses", str(status)]
        promise = self.document["paths"][template][method.lower()]["responses"][str(status)]
        if "$ref" in promise:
            place = promise["$ref"].removeprefix("#/").split("/")
            promise = self.document["components"]["responses"][place[-1]]
        for name in promise.get("headers", {}):
            test.assertIn(name, headers, (method, path))
        kind = headers["Content-Type"].partition(";")[0]
        test.assertIn(kind, promise["content"], (method, path))
        if kind == "application/json":
            reference = "#/" + "/".join(urllib.parse.quote(part.replace("/", "~1"), safe="") for part in (*place, "content", kind, "schema"))
            jsonschema_rs.validator_for({**self.document, "$ref": reference}).validate(json.loads(answer))
        self.kept.add((method.lower(), template, str(status)))
        return status, headers, answer

    def promised(self, hundreds):
        return {(method, path, status) for path, methods in self.document["paths"].items()
                for method, operation in methods.items() if isinstance(operation, dict) and "responses" in operation
                for status in operation["responses"] if status[0] in hundreds}


@unittest.skipUnless(importlib.util.find_spec("schemathesis"), "want schemathesis, which scripts/setup installs")
class OpenApi(ServeTest):
    def test_the_server_keeps_what_its_description_promises(self):
        token = self.run_cli("token", "--name", "all", "--role", "admin").stdout.strip()
        server = self.serve("--tokens", "tokens.txt")
        done = subprocess.run(
            [Path(sys.executable).with_name("schemathesis"), "--config-file", Path(__file__).with_name("schemathesis.toml"),
             "run", f"http://127.0.0.1:{server.port}/openapi.json", "--header", f"Authorization: Bearer {token}",
             "--url", server.base_url, "--max-examples", "20", "--seed", "1", "--generation-database", "none", "--no-color"],
            cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout[-6000:] + done.stderr[-2000:])
        print(next(line for line in done.stdout.splitlines() if "generated" in line).strip(), flush=True)
        self.assertTrue(self.run_json("index", "verify")["sound"])

    def test_every_success_is_as_it_is_described(self):
        """Photos, galleries and models are sound here, as made-up requests never are."""
        server, kept = self.serve("--max-photos", 2), set()
        checked = Checked(server, kept)
        ask = checked.ask
        photo, other = self.photo("test/gala0.png"), self.photo("test/fuji0.png")
        job = lambda path, *more: self.ended(
            server, path.partition("?")[0] + "/%d" % server.json("POST", path, *more, status=202)["id"])
        for path in "/healthz", "/readyz", "/metrics", "/v1/status", "/v1/snapshot", "/v1/items/1/photo?side=64":
            self.assertEqual(server.ask("GET", path)[0], 200)
        snapshot = ask("GET", "/v1/snapshot")[2]
        server.json("POST", "/v1/recognize", *multipart(a=photo, b=b"none"))
        server.json("POST", "/v1/explain?item=1", photo)
        item = server.json("POST", "/v1/items", *multipart(photo=other, label=b"kiwi", shelf=b"3"), status=201)["items"][0]
        server.json("GET", f"/v1/items/{item['id']}")
        server.json("GET", "/v1/items?limit=2")
        server.json("DELETE", f"/v1/items/{item['id']}")
        server.json("GET", "/v1/labels?limit=1")
        server.json("PUT", "/v1/labels/fuji", {"name": "gala"})
        server.json("DELETE", "/v1/labels/gala")
        self.assertEqual(job("/v1/imports", *multipart(photos={"kiwi/1.png": photo, "kiwi/2.png": b"none"}))["failed"], 1)
        subprocess.run([TESTS / "write_tiny_model", self.folder / "other.onnx", "2"], check=True)
        job("/v1/upgrades?drop_unreadable=true", (self.folder / "other.onnx").read_bytes())
        for jobs in "/v1/imports", "/v1/upgrades":
            listed = server.json("GET", jobs)["jobs"]
            server.json("DELETE", f"{jobs}/{listed[0]['id']}")
        for label in server.json("GET", "/v1/labels")["labels"]:
            server.json("DELETE", f"/v1/labels/{label['label']}")
        server.json("POST", "/v1/recognize", photo)  # of an empty gallery, so it waits for a name
        server.json("POST", "/v1/recognize", other)
        self.until(lambda: len(server.json("GET", "/v1/unknowns")["unknowns"]) > 0)
        first = server.json("GET", "/v1/unknowns")["unknowns"][0]
        self.assertEqual(server.ask("GET", first["thumbnail"])[0], 200)
        server.json("POST", f"/v1/unknowns/{first['id']}", {"label": "kiwi"}, status=201)
        server.json("DELETE", "/v1/labels/kiwi")
        self.until(lambda: ask("POST", "/v1/recognize", other)[0] == 200 and server.json("GET", "/v1/unknowns")["unknowns"])
        server.json("DELETE", "/v1/unknowns/%d" % server.json("GET", "/v1/unknowns")["unknowns"][0]["id"])
        server.json("POST", "/v1/restore", snapshot)
        page = {("get", path, "200") for path in ("/", "/{file}", "/openapi.json")}
        self.assertEqual(checked.promised("2") - kept - page, set())

    def test_every_error_is_as_it_is_described(self):
        """But those of a fault, a disk, a model without feature maps, and of what is damaged in the gallery."""
        token = self.run_cli("token", "--name", "all", "--role", "admin").stdout.strip()
        self.keep_unknowns(1)  # which is no photo
        kept, photo = set(), self.photo("test/gala0.png")
        admin = {"Authorization": f"Bearer {token}"}
        flags = "--max-body", 1, "--max-upload", 1, "--max-restore", 1
        server, often, late = (self.serve(*flags, *more) for more in (
            ("--tokens", "tokens.txt"), ("--rate", 0.001, "--burst", 1), ("--deadline", 1e-6)))
        checked = [Checked(one, kept) for one in (server, often, late)][0]
        operations = [(method.upper(), path.format(id=1, label="gala", file="app.js"), operation["security"])
                      for path, methods in checked.document["paths"].items()
                      for method, operation in methods.items() if isinstance(operation, dict)]
        often.ask("GET", "/v1/labels")
        for method, path, secured in operations:
            server.error(400, "bad_request", method, path + "?%zz")
            server.error(413, "too_large", method, path, bytes(2 << 20), admin)
            server.error(431, "header_too_large", method, path, None, {"X-Long": "x" * 20_000})
            if secured:
                server.error(401, "unauthorized", method, path)
                server.error(403, "foreign_page", method, path, None, {**admin, "Origin": "http://other.example"})
                often.error(429, "rate_limited", method, path)
        server.error(404, "not_found", "GET", "/nothing")
        server.error(403, "foreign_page", "GET", "/nothing", None, {"Origin": "http://other.example"})
        often.error(429, "rate_limited", "GET", "/nothing")

        refused = lambda status, code, method, path, body=None, headers=(): server.error(
            status, code, method, path, body, {**admin, **dict(headers)})
        for method, path in (("GET", "/v1/items/99"), ("DELETE", "/v1/items/99"), ("GET", "/v1/items/99/photo"), ("DELETE", "/v1/labels/none"),
                             ("DELETE", "/v1/unknowns/99"), ("GET", "/v1/unknowns/99/photo"), *((method, f"/v1/{jobs}/99")
                              for method in ("GET", "DELETE") for jobs in ("imports", "upgrades"))):
            refused(404, "not_found", method, path)
        refused(404, "not_found", "PUT", "/v1/labels/none", {"name": "kiwi"})
        refused(404, "not_found", "POST", "/v1/unknowns/99", {"label": "kiwi"})
        refused(404, "not_found", "POST", "/v1/explain?item=99", photo)
        for path in "/v1/recognize", "/v1/explain?item=2", "/v1/items?label=kiwi":
            refused(415, "unsupported", "POST", path, b"no photo")
            refused(422, "corrupt", "POST", path, photo[:-40])
        refused(415, "unsupported", "POST", "/v1/unknowns/1", {"label": "kiwi"})
        for path in "/v1/restore", "/v1/upgrades":
            self.assertEqual(server.ask("POST", path, b"neither", admin)[0], 422)

        used = {"Idempotency-Key": "used"}
        server.json("DELETE", "/v1/items/1", None, {**admin, **used})
        changes = (("POST", "/v1/items?label=kiwi", photo), ("DELETE", "/v1/items/2", None), ("DELETE", "/v1/labels/gala", None),
                   ("PUT", "/v1/labels/gala", {"name": "kiwi"}), ("POST", "/v1/unknowns/1", {"label": "kiwi"}), ("DELETE", "/v1/unknowns/1", None))
        for method, path, body in changes:
            refused(409, "key_used", method, path, body, used)
        server.json("POST", "/v1/imports?label=kiwi", photo, {**admin, **used}, 202)
        refused(409, "key_used", "POST", "/v1/imports?label=lime", photo, used)
        refused(409, "same_model", "POST", "/v1/upgrades", self.photo("model.onnx"))
        for method, path, body in (("POST", "/v1/recognize", photo), ("POST", "/v1/explain?item=2", photo), *changes):
            late.error(504, "deadline", method, path, body)
        rare = {*((method, path, status) for method, path, status in checked.promised("5") if status != "504"),
                ("post", "/v1/unknowns/{id}", "422"),
                *(("get", f"/v1/{kind}/{{id}}/photo", status) for kind in ("items", "unknowns") for status in ("422", "504"))}
        self.assertEqual(checked.promised("45") - kept, rare)


if __name__ == "__main__":
    unittest.main()
