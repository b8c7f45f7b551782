# SPDX-License-Identifier: Apache-2.0
"""What /openapi.json promises, held against the real server by schemathesis: made-up requests, sound and not."""
import importlib.util
import subprocess
import sys
import unittest
from pathlib import Path

from serving import ServeTest


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


if __name__ == "__main__":
    unittest.main()
