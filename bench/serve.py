#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`shoplens serve` under load, beside `shoplens embed` on the same photos and beside the FastAPI service of
peers/serve_fastapi.py: photos/s at saturation (in turn, medians), latency unloaded and at half of that, what an overload
does to the accepted, and with --soak whether memory grows, while the catalogue changes. Load and server share this machine's cores; a photo's CPU
time, which a busy machine changes less than its rate, is printed beside the rate.

  serve.py --model model.onnx --catalogue ../shared/data/grocery/train.csv --data ../shared/data/grocery/test.csv

Run it by a Python with peers/requirements-serve.txt, or with --no-peer by any."""
import argparse
import csv
import itertools
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
TICK = os.sysconf("SC_CLK_TCK")


class Service:
    """A server's process (and its children) from ready to SIGTERM."""

    def __init__(self, name, command, port, log, cwd=None):
        self.name, self.port, self.log = name, port, open(log, "w")
        self.process = subprocess.Popen(list(map(str, command)), stdout=self.log, stderr=self.log, cwd=cwd)
        for _ in range(300):
            if self.process.poll() is not None:
                sys.exit(f"{name} ended: see {log}")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1).read()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        sys.exit(f"{name} is not ready: see {log}")

    def pids(self):
        found = [self.process.pid]
        for pid in found:
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        return found

    def memory_mib(self, field="VmRSS"):
        total = 0
        for pid in self.pids():
            lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith(field))
        return total / 1024

    def cpu_seconds(self):
        fields = [pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in self.pids()]
        return sum(int(f[11]) + int(f[12]) for f in fields) / TICK

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "killed"


def load(o, service, **options):
    """One run of serve_load, with the server's CPU milliseconds a photo (also those of the warm-up)."""
    words = [str(word) for key, value in options.items() for word in ("--" + key, value)]
    before = service.cpu_seconds()
    out = subprocess.run([o.bin / "serve_load", "--photos", o.data, "--port", str(service.port), *words], check=True,
                         capture_output=True, text=True).stdout
    result = json.loads(out)
    seconds = result["seconds"] + options.get("warmup", 0)
    result["server_cores"] = (service.cpu_seconds() - before) / seconds
    result["cpu_ms_per_photo"] = 1e3 * result["server_cores"] / max(result["photos_per_second"], 1e-9)
    return result


def embed(o, folder):
    before = os.times()
    command = [o.bin / "shoplens", "embed", "--model", o.model, "--data", o.data, "--out", folder / "embedded.npy",
               "--precision", o.precision, "--json"]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    # The model's loading is in the CPU time and not in the rate.
    return {"photos_per_second": result["photos"] / result["seconds"], "cpu_ms_per_photo": 1e3 * used / result["photos"]}


class Background(threading.Thread):
    """Runs within a `with`, until `ended`."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ended = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()


class Watch(Background):
    """A service's resident memory, each `step` seconds."""

    def __init__(self, service, step):
        super().__init__()
        self.service, self.step, self.rows = service, step, []

    def run(self):
        start = time.monotonic()
        while not self.ended.wait(max(0.0, start + len(self.rows) * self.step - time.monotonic())):
            self.rows.append((time.monotonic() - start, self.service.memory_mib()))


class Changes(Background):
    """Adds photos to a service's catalogue and removes them again, `rate` changes a second; counts the answers' status."""
    THERE = 20  # photos before the first goes again

    def __init__(self, service, photos, rate):
        super().__init__()
        self.base, self.photos, self.rate = f"http://127.0.0.1:{service.port}/v1/items", photos, rate
        self.status = {}

    def ask(self, method, path="", body=None, headers={}):
        request = urllib.request.Request(self.base + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, found = answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as e:
            status, found = e.code, {}
        except OSError as e:  # no answer came
            status, found = type(e).__name__, {}
        self.status[status] = self.status.get(status, 0) + 1
        return found

    def run(self):
        there, start = [], time.monotonic()
        for i in itertools.count():
            if self.ended.wait(max(0.0, start + i / self.rate - time.monotonic())):
                return
            if len(there) == self.THERE:
                self.ask("DELETE", f"/{there.pop(0)}")
                continue
            form = (b'--soak\r\nContent-Disposition: form-data; name="label"\r\n\r\nsoak\r\n--soak\r\nContent-Disposition: '
                    b'form-data; name="photo"; filename="photo"\r\n\r\n' + self.photos[i % len(self.photos)].read_bytes() +
                    b"\r\n--soak--\r\n")
            added = self.ask("POST", body=form, headers={"Content-Type": "multipart/form-data; boundary=soak"})
            there += [item["id"] for item in added.get("items", []) if item["id"] not in there]


def median(rows, key):
    return statistics.median(row[key] for row in rows)


def saturate(o, services, folder):
    """{name: rounds}, and embed's: one after the other, `rounds` times."""
    found = {"embed": []} | {service.name: [] for service in services}
    for _ in range(o.rounds):
        found["embed"].append(embed(o, folder))
        for service in services:
            found[service.name].append(
                load(o, service, connections=o.connections, seconds=o.seconds, warmup=o.warmup))
    return found


def quiet(o, service, rate):
    """Alone, then at half the saturation's rate: the rounds' medians of p50 and p99."""
    runs = {"alone": dict(connections=1), "half": dict(connections=256, rate=rate / 2)}
    found = {name: [] for name in runs}
    for _ in range(o.rounds):
        for name, options in runs.items():
            found[name].append(load(o, service, seconds=o.seconds, warmup=o.warmup, **options))
    return {name: {p: statistics.median(row["accepted_ms"][p] for row in rows) for p in ("p50", "p99")}
            | {"photos_per_second": median(rows, "photos_per_second"), "runs": rows} for name, rows in found.items()}


def overload(o, service, rate):
    # A short one before: the memory that so many connections and a full queue take is no growth.
    load(o, service, connections=256, rate=2 * rate, seconds=min(10, o.overload), warmup=0)
    before = service.memory_mib()
    with Watch(service, 0.5) as watch:
        result = load(o, service, connections=256, rate=2 * rate, seconds=o.overload, warmup=1)
    time.sleep(2)
    return result | {"refused": result["status"].get("429", 0) / max(1, result["requests"]),
                     "memory_mib": {"before": before, "most": max(row[1] for row in watch.rows),
                                    "after": service.memory_mib()}}


def soak(o, service, rate):
    with open(o.data, newline="") as file:
        photos = [o.data.parent / row["path"] for row in csv.DictReader(file)]
    with Watch(service, 1) as watch, Changes(service, photos, o.soak_changes) as changes:
        result = load(o, service, connections=128, rate=o.soak_load * rate, seconds=o.soak, warmup=0)
    with open(o.out / "rss.csv", "w") as file:
        file.write("seconds,rss_mib\n" + "".join(f"{t:.1f},{mib:.1f}\n" for t, mib in watch.rows))
    (o.out / "rss.svg").write_text(plot(watch.rows, f"resident memory of shoplens serve, {o.soak_load * rate:.0f} photos/s"))
    parts = [statistics.median(mib for _, mib in watch.rows[len(watch.rows) * i // 4:][:max(1, len(watch.rows) // 4)])
             for i in range(4)]
    return result | {"changes": changes.status, "memory_mib": {"quarters": parts, "most": max(row[1] for row in watch.rows)}}


def plot(rows, title):
    """A line of (seconds, MiB) as SVG, from 0 MiB so that noise looks as small as it is."""
    width, height, left, bottom = 720, 260, 50, 40
    longest, most = max(rows[-1][0], 1), 1.15 * max(mib for _, mib in rows)
    x = lambda t: left + t / longest * (width - left - 20)
    y = lambda mib: height - bottom - mib / most * (height - bottom - 30)
    points = " ".join(f"{x(t):.1f},{y(mib):.1f}" for t, mib in rows)
    ticks = "".join(f'<text x="{left - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{v:.0f}</text>'
                    f'<line x1="{left}" x2="{width - 20}" y1="{y(v):.1f}" y2="{y(v):.1f}" stroke="#ddd"/>'
                    for v in (most * i / 4 for i in range(5)))
    times = "".join(f'<text x="{x(t):.1f}" y="{height - bottom + 18}" text-anchor="middle">{t:.0f} s</text>'
                    for t in (longest * i / 4 for i in range(5)))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
            f'font-size="12"><rect width="100%" height="100%" fill="#fff"/><text x="{left}" y="18">{title}, MiB</text>'
            f'{ticks}{times}<polyline points="{points}" fill="none" stroke="#06c" stroke-width="1.5"/></svg>\n')


def report(o, found):
    rates, services = found["saturation"], [name for name in found["saturation"] if name != "embed"]
    print(f"{os.cpu_count()} cores, shared by load and server; {o.connections} connections, {o.rounds} rounds in turn of "
          f"{o.seconds:g} s; precision {o.precision} (the peer: f32); load average before {found['load_average'][0]:.2f}")
    print("\n| at saturation | photos/s (range) | CPU ms a photo | of `embed` (range) |\n|---|---|---|---|")
    for name, rows in rates.items():
        speeds = [row["photos_per_second"] for row in rows]
        ratios = [speed / other["photos_per_second"] for speed, other in zip(speeds, rates["embed"])]
        print(f"| {name} | {statistics.median(speeds):.1f} ({min(speeds):.1f}-{max(speeds):.1f}) | "
              f"{median(rows, 'cpu_ms_per_photo'):.2f} | {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}) |")
    print("\n| ms | p50 alone | p99 alone | p50 at half | p99 at half | p99 at 2x, accepted | of alone | of half | "
          "photos/s at 2x | answered 429 |\n|" + "---|" * 10)
    for name in services:
        alone, half, over = found["quiet"][name]["alone"], found["quiet"][name]["half"], found["overload"][name]
        p99 = (over["accepted_ms"] or {"p99": float("nan")})["p99"]
        print(f"| {name} | {alone['p50']:.2f} | {alone['p99']:.2f} | {half['p50']:.2f} | {half['p99']:.2f} | {p99:.1f} | "
              f"{p99 / alone['p99']:.1f} | {p99 / half['p99']:.1f} | {over['photos_per_second']:.1f} | {100 * over['refused']:.0f}% |")
    print("\n| resident MiB | before overload | most | 2 s after |\n|---|---|---|---|")
    for name in services:
        memory = found["overload"][name]["memory_mib"]
        print(f"| {name} | {memory['before']:.0f} | {memory['most']:.0f} | {memory['after']:.0f} |")
    for name in services:
        half = found["quiet"][name]["half"]["runs"]
        for what, runs in (("saturation", found["saturation"][name]), ("half", half), ("overload", [found["overload"][name]])):
            usual = ("200", "429") if what == "overload" else ("200",)
            odd = [{k: v for k, v in run["status"].items() if k not in usual} | run["errors"] for run in runs]
            if any(odd):
                print(f"{name} at {what}, answers that are none: {odd}")
    if "soak" in found:
        memory = found["soak"]["memory_mib"]
        print(f"\nsoak of {o.soak:g} s at {found['soak']['rate']:.0f} photos/s: median MiB of its quarters "
              f"{', '.join(f'{mib:.0f}' for mib in memory['quarters'])}, most {memory['most']:.0f}; "
              f"status {found['soak']['status']}, errors {found['soak']['errors']}, changes of the catalogue "
              f"{found['soak']['changes']}; {o.out / 'rss.svg'}")


def start(o, folder, services):
    """Starts them, each in `services` as soon as it runs, so that it can be ended."""
    shoplens = o.bin / "shoplens"
    gallery = o.gallery
    if not gallery:
        gallery = folder / "gallery.db"
        subprocess.run([shoplens, "index", "build", "--gallery", gallery, "--model", o.model, "--data", o.catalogue,
                        "--precision", o.precision], check=True, capture_output=True)
    services.append(Service("shoplens", [shoplens, "serve", "--gallery", gallery, "--model", o.model, "--port", o.port,
                                         "--precision", o.precision, *o.serve], o.port, o.out / "serve.log"))
    if not o.no_peer:
        vectors = folder / "catalogue.npy"
        subprocess.run([shoplens, "embed", "--model", o.model, "--data", o.catalogue, "--out", vectors, "--precision",
                        o.precision], check=True, capture_output=True)
        services.append(Service("FastAPI", [sys.executable, "serve_fastapi.py", "--model", o.model.resolve(), "--vectors",
                                            vectors, "--rows", vectors.with_suffix(".csv"), "--port", o.port + 1, *o.peer],
                                o.port + 1, o.out / "peer.log", cwd=ROOT / "bench/peers"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True, help="model.onnx")
    parser.add_argument("--data", type=pathlib.Path, required=True, help="CSV of the photos that are sent")
    parser.add_argument("--catalogue", type=pathlib.Path, help="CSV of the gallery's photos")
    parser.add_argument("--gallery", type=pathlib.Path, help="a gallery that is there, in place of one of --catalogue")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/bin", help="folder of shoplens and serve_load")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("serve-bench"), help="folder for serve.json, logs")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--port", type=int, default=8190, help="and the next one, for the peer")
    parser.add_argument("--connections", type=int, default=8, help="at saturation; fewer than the server has room for")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--warmup", type=float, default=2)
    parser.add_argument("--overload", type=float, default=60, help="seconds")
    parser.add_argument("--soak", type=float, default=0, help="seconds")
    parser.add_argument("--soak-load", type=float, default=0.7, help="share of the saturation's rate")
    parser.add_argument("--soak-changes", type=float, default=4, help="of the catalogue, a second")
    parser.add_argument("--serve", default="", help="further words for `shoplens serve`: --serve='--queue 8'")
    parser.add_argument("--peer", default="", help="the same for serve_fastapi.py")
    parser.add_argument("--no-peer", action="store_true")
    o = parser.parse_args()
    o.serve, o.peer = o.serve.split(), o.peer.split()
    if not o.catalogue and not (o.gallery and o.no_peer):
        parser.error("want --catalogue; with --no-peer, --gallery does")
    o.out.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # so that the services end too
    found = {"load_average": os.getloadavg()}
    with tempfile.TemporaryDirectory() as name:
        services = []
        try:
            start(o, pathlib.Path(name), services)
            found["saturation"] = saturate(o, services, pathlib.Path(name))
            rates = {s.name: median(found["saturation"][s.name], "photos_per_second") for s in services}
            found["quiet"] = {s.name: quiet(o, s, rates[s.name]) for s in services}
            found["overload"] = {s.name: overload(o, s, rates[s.name]) for s in services}
            if o.soak:
                found["soak"] = soak(o, services[0], rates["shoplens"])
        finally:
            found["exit"] = {s.name: s.stop() for s in services}
    (o.out / "serve.json").write_text(json.dumps(found, indent=1) + "\n")
    report(o, found)


if __name__ == "__main__":
    main()
