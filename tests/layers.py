#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that includes point only downwards in the order of layers, and that only the allowed folders see the heavy
libraries: Torch stays out of `shoplens`, OpenVINO out of `shoplens-train`, JSON and logging out of headers. What is
installed in include/ sees the standard library alone."""
import pathlib
import re
import sys

# Top to bottom, as in DESIGN.md. A folder may include itself and those below it.
ORDER = ["apps", "serve", "demo", "library", "quantize", "recognize", "runtime", "train", "models", "losses", "nn", "eval", "gallery", "ranking", "index",
         "data", "pth", "onnx", "image", "core"]
TORCH = {"train", "models", "losses", "nn"}
# library -> (folders that may include it, whether headers may)
LIBRARIES = {
    r"torch/|ATen/|c10/": (TORCH, True),
    r"openvino/": ({"runtime"}, False),
    r"sqlite3\.h": ({"gallery"}, False),
    r"spdlog/|fmt/": ({"core"}, False),
    r"nlohmann/json_fwd\.hpp": ({"serve", "apps"}, True),  # names only
    r"nlohmann/(?!json_fwd)": ({"core", "nn", "gallery", "recognize", "demo", "serve", "apps"}, False),
    r"jpeglib\.h|png\.h|webp/": ({"image"}, False),
    r"Eigen/": ({"eval", "ranking"}, False),
    r"protozero/": ({"onnx"}, False),
    r"boost/": ({"serve"}, False),
    r"prometheus/": ({"serve"}, False),
}
# Headers of a few .cpp only, whose library they are about.
INSIDE = ("jpeg_", "error_trap", "http_body", "http_session")


def problems(root):
    for path in sorted([*(root / "src").rglob("*"), *(root / "apps").rglob("*")]):
        if path.suffix not in (".h", ".cpp"):
            continue
        relative = path.relative_to(root)
        folder = relative.parts[1] if relative.parts[0] == "src" else "apps"
        if folder not in ORDER:
            yield f"{relative}: folder {folder} is not in the order of layers"
            continue
        test = path.stem.endswith("_test")
        for number, line in enumerate(path.read_text().splitlines(), 1):
            include = re.match(r'\s*#include\s+["<]([^">]+)[">]', line)
            if not include:
                continue
            name = include[1]
            target = name.split("/")[0]
            if '"' in line and target in ORDER and ORDER.index(target) < ORDER.index(folder):
                yield f"{relative}:{number}: {folder} includes {name}, which is above it"
            if folder not in TORCH | {"apps"} and target in TORCH and '"' in line:
                yield f"{relative}:{number}: {folder} includes {name}; only shoplens-train links Torch"
            for pattern, (folders, headers) in LIBRARIES.items():
                if re.match(pattern, name) and not test:
                    if folder not in folders:
                        yield f"{relative}:{number}: {folder} includes {name}; only {', '.join(sorted(folders))} may"
                    elif path.suffix == ".h" and not headers and not path.name.startswith(INSIDE):
                        yield f"{relative}:{number}: a header includes {name}; keep it in the .cpp"
    for path in sorted((root / "include").rglob("*.h")):
        for name in re.findall(r'^#include\s+["<]([^">]+)[">]', path.read_text(), re.MULTILINE):
            if not re.fullmatch("[a-z_]+", name):
                yield f"{path.relative_to(root)}: includes {name}; whoever uses the library may not have it"


found = list(problems(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
print("\n".join(found) or "every include points downwards")
sys.exit(bool(found))
