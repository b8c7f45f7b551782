# SPDX-License-Identifier: Apache-2.0
"""`shoplens serve` for tests: the real program, on a port that is free."""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cli import BIN

START_SECONDS, STOP_SECONDS = 60, 60  # generous: CI machines are busy; --drain is 30 s


class Server:
    """Serves a gallery within a `with`, or between start() and stop().

        with Server(folder / "gallery.db", "--max-photos", 2) as server:
            urllib.request.urlopen(server.base_url + "/healthz")

    It may be started again after stop() or kill(), and then has the port it had, so that clients find it.
    """

    def __init__(self, gallery, *flags, port=0, env=None, log_folder=None):
        self.gallery, self.flags, self.port, self.env = Path(gallery).absolute(), flags, port, env
        self.base_url = None
        self.process = None
        # Beside the gallery unless told otherwise, so that it goes with the test's folder.
        handle, name = tempfile.mkstemp(prefix="serve-", suffix=".log", dir=log_folder or self.gallery.parent)
        os.close(handle)
        self.log_path = Path(name)

    @property
    def log(self):
        """What it has written to stderr and stdout, of all its starts."""
        return self.log_path.read_text(errors="replace")

    def start(self, *flags):
        """Returns self once it listens. `flags` stand behind the constructor's, for this start."""
        if self.process:
            raise AssertionError("the server runs already")
        begin = len(self.log)
        command = [BIN.absolute() / "shoplens", "serve", "--gallery", self.gallery, "--port", self.port]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in [*command, *self.flags, *flags]], cwd=self.gallery.parent, env=self.env,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + START_SECONDS
        while not (found := re.search(r"^serving .* on (https?://.+:(\d+))$", self.log[begin:], re.M)):
            status = self.process.poll()
            if status is not None or time.monotonic() > end:
                self.kill()
                self._fail("did not start" if status is None else f"ended with status {status}")
            time.sleep(0.02)
        self.base_url, self.port = found[1], int(found[2])
        return self

    def signal(self, number):
        """Sends it a signal, as SIGHUP to have it read its tokens again."""
        self.process.send_signal(number)

    def stop(self):
        """Ends it as systemd would: SIGTERM, then it answers what it has. Fails unless it ends well."""
        process = self.process
        if not process:
            raise AssertionError("the server does not run")
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            status = "none, it went on"
        self.kill()
        if status != 0:
            self._fail(f"was to end with status 0, got {status}")

    def kill(self):
        """Ends it as a power cut would. Nothing if it does not run."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _fail(self, what):
        raise AssertionError(f"shoplens serve {what}; its log:\n{self.log}")

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if self.process and not kind:
            return self.stop()
        self.kill()  # what failed within says more than how the server ends
        if kind:
            print(self.log, file=sys.stderr)
