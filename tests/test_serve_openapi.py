# SPDX-License-Identifier: Apache-2.0
"""What /openapi.json promises, held against the real server by schemathesis: made-up requests, sound and not."""
import importlib.util
import json
import re
import subprocess
import sys
import unittest
import urllib.parse
from pathlib import Path

from cli import TESTS
from serving import ServeTest, multipart


@unittest.skipUnless(importlib.util.find_spec("schemathesis"), "want schemathesis, which scripts/setup installs")
class OpenApi(ServeTest):
    def test_the_server_keeps_what_its_description_promises(self):
        token = self.run_cli("token", "--name", "all", "--role", "admin").stdout.strip()
        server = self.serve("--tokens", "tokens.txt")
        done = subprocess.run(
            [Path(sys.executable).with_name("schemathesis"), "--config-file", Path(__file__).with_name("schemathesis.toml"),
             "run", f"http://127.0.0.1:{server.port}/openapi.json", "--header", f"Authorization: Bearer {token}",
             "--max-examples", "20", "--seed", "1", "--generation-database", "none", "--no-color"],
            cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout[-6000:] + done.stderr[-2000:])
        print(next(line for line in done.stdout.splitlines() if "generated" in line).strip(), flush=True)
        self.assertTrue(self.run_json("index", "verify")["sound"])

    def test_every_success_is_as_it_is_described(self):
        """Photos, galleries and models are sound here, as made-up requests never are."""
        import jsonschema_rs
        server = self.serve("--max-photos", 2)
        described = server.json("GET", "/openapi.json")
        templates = {re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)): path for path in described["paths"]}
        kept, ask = set(), server.ask

        def checked(method, path, *more):
            status, headers, answer = ask(method, path, *more)
            template = next(name for pattern, name in templates.items() if pattern.fullmatch(path.partition("?")[0]))
            answers = described["paths"][template][method.lower()]["responses"]
            self.assertIn(str(status), answers, (method, path, answer[:200]))
            types = answers[str(status)].get("content", {})
            kind = headers["Content-Type"].partition(";")[0]
            self.assertIn(kind, types, (method, path))
            if kind == "application/json":
                place = ["paths", template, method.lower(), "responses", str(status), "content", kind, "schema"]
                reference = "#/" + "/".join(urllib.parse.quote(part.replace("/", "~1"), safe="") for part in place)
                jsonschema_rs.validator_for({**described, "$ref": reference}).validate(json.loads(answer))
            kept.add((method.lower(), template, str(status)))
            return status, headers, answer

        server.ask = checked
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
        promised = {(method, path, status) for path, methods in described["paths"].items()
                    for method, operation in methods.items() if isinstance(operation, dict) and "responses" in operation
                    for status in operation["responses"] if status[0] == "2"}
        page = {("get", path, "200") for path in ("/", "/{file}", "/openapi.json")}
        self.assertEqual(promised - kept - page, set())


if __name__ == "__main__":
    unittest.main()
