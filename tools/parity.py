#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One network, three engines: LibTorch's float32 embeddings (written by tests/parity_torch), model.onnx in OpenVINO
and in ONNX Runtime. Exits 1 when a cosine is below what it must be, 77 when a package is missing.

  parity.py DIR   DIR holds ARCH.onnx, ARCH.pixels.npy [N, 3 * S * S], ARCH.torch.npy [N, D] and
                  ARCH.features.npy [N, C * H * W] for each network
"""
import pathlib
import sys

try:
    import numpy as np
    import onnxruntime
    import openvino
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)


def cosine(a, b):
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())


def run_openvino(path, pixels, precision):
    model = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": precision})
    return [model(pixels)[name] for name in ("embedding", "features")]


def main(folder):
    core = openvino.Core()
    bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    failed = False
    for path in sorted(pathlib.Path(folder).glob("*.onnx")):
        pixels, *expected = (np.load(path.with_suffix(f".{kind}.npy")) for kind in ("pixels", "torch", "features"))
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        pixels = pixels.reshape(-1, *session.get_inputs()[0].shape[1:])
        rows = [("ONNX Runtime f32", session.run(["embedding", "features"], {"pixels": pixels}), (0.99999, 0.99999)),
                ("OpenVINO f32", run_openvino(path, pixels, "f32"), (0.99999, 0.99999))]
        if bf16:
            rows.append(("OpenVINO bf16", run_openvino(path, pixels, "bf16"), (0.999, 0.99)))
        for engine, got, least in rows:
            values = [cosine(want, have.reshape(len(want), -1)) for want, have in zip(expected, got)]
            good = all(value >= limit for value, limit in zip(values, least))  # not when one is NaN
            failed |= not good
            print(f"{path.stem:26} {engine:17} cosine of embeddings {values[0]:.7f}, of feature maps {values[1]:.7f}"
                  f"{'' if good else f' < {least}'}")
    return failed


sys.exit(main(sys.argv[1]))
