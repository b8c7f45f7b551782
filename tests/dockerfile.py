#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dockerfile.py BUILD: what can be known of the Dockerfile without Docker. Its RUN lines are bash, what it copies is
there, and the packages of its last stage hold every library that an installed prefix links, and none that it does not.
Whether the image builds is not tested. Skipped (77) where the packages are not Debian 12's."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BASE = {"libc6", "libstdc++6", "libgcc-s1"}  # in debian:12-slim, where apt and bash need them


def run(*words):
    return subprocess.run([*map(str, words)], check=True, capture_output=True, text=True).stdout


def instructions():
    """[(stage, instruction, its text)]"""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", "")
    stage = 0
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        stage += word == "FROM"
        if word:
            yield stage, word, rest.strip()


def check_lines():
    for _, word, text in instructions():
        if word == "RUN":
            subprocess.run(["bash", "-n"], input=text, text=True, check=True)
        elif word in ("ENTRYPOINT", "CMD"):
            json.loads(text)
        elif word == "HEALTHCHECK":
            subprocess.run(["bash", "-n"], input=json.loads(text[text.index("["):])[-1], text=True, check=True)
        elif word == "COPY" and not text.startswith("--from"):
            for source in text.split()[:-1]:
                assert (ROOT / source).exists(), f"COPY {source}: it is not there"


def listed_packages():
    last = max(stage for stage, _, _ in instructions())
    [install] = [text for stage, word, text in instructions() if stage == last and "apt-get install" in text]
    words = re.search(r"apt-get install (.*?)&&", install)[1].split()
    return {word for word in words if not word.startswith("-")}


def linked_packages(build):
    """The Debian packages of all libraries that the prefix links and does not hold."""
    outside = set()
    with tempfile.TemporaryDirectory() as prefix:
        run("cmake", "--install", build, "--prefix", prefix)
        prefix = pathlib.Path(prefix).resolve()
        for file in [*prefix.glob("bin/*"), *prefix.glob("lib/*.so"), *prefix.glob("lib/shoplens/*.so*")]:
            paths = re.findall(r"(?:=> |^\t)(/\S+)", run("ldd", file), re.MULTILINE)
            outside |= {path for path in (pathlib.Path(p).resolve() for p in paths)
                        if not path.is_relative_to(prefix)}
    # Debian 12 records some libraries in /lib, which is a link to /usr/lib.
    return {run("dpkg", "-S", f"*{str(path).removeprefix('/usr')}").split(":")[0] for path in outside}


def brought_by(packages):
    """With what they depend on, as dpkg has it of what is installed here."""
    todo, done = list(packages), set()
    while todo:
        package = todo.pop()
        if package not in done:
            done.add(package)
            depends = run("dpkg-query", "-W", "-f=${Depends}", package)
            todo += re.findall(r"(?:^|, )([a-z0-9.+-]+)", depends)
    return done


release = pathlib.Path("/etc/os-release")
if not release.exists() or 'VERSION="12' not in release.read_text() or "ID=debian" not in release.read_text():
    check_lines()
    print("not Debian 12: the packages are not compared")
    sys.exit(77)
check_lines()
listed, linked = listed_packages(), linked_packages(sys.argv[1])
missing = linked - brought_by(listed) - BASE
needless = listed - linked
for package in sorted(missing):
    print(f"the installed programs link {package}, which the image has not")
for package in sorted(needless):
    print(f"nothing links {package}, which the image installs")
print(f"{len(linked)} packages are linked: {' '.join(sorted(linked))}")
sys.exit(bool(missing or needless))
