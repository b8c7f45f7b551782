# SPDX-License-Identifier: Apache-2.0
"""index add killed at 50 random moments: the gallery opens, is sound, and holds the whole batch or none of it."""
import random
import shutil
import subprocess
import time
import unittest

from cli import BIN, CliTest


class Kill(CliTest):
    def test_killed_add_leaves_all_or_nothing(self):
        self.build()
        base, gallery = self.folder / "base.db", self.folder / "gallery.db"
        shutil.copy(gallery, base)
        self.write_list("more.csv", "more", 20)
        add = [BIN / "shoplens", "index", "add", "--data", "more.csv"]
        start = time.monotonic()
        subprocess.run(add, cwd=self.folder, check=True, capture_output=True)
        whole = time.monotonic() - start

        delays, kept = random.Random(7), 0
        for _ in range(50):
            for suffix in "", "-wal", "-shm":
                (self.folder / f"gallery.db{suffix}").unlink(missing_ok=True)
            shutil.copy(base, gallery)
            process = subprocess.Popen(add, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(delays.uniform(0, 1.2 * whole))
            process.kill()
            process.wait()
            self.assertTrue(self.run_json("index", "verify")["sound"])
            items = self.run_json("index", "list")["items"]
            self.assertIn(items, (12, 72))
            kept += items == 72
        print(f"{kept} of 50 batches were kept, in runs of {whole:.2f} s", flush=True)


if __name__ == "__main__":
    unittest.main()
