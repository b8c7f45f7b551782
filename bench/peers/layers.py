#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where OpenVINO spends the time of a network, by kind of layer: its own per-layer counters, one photo a call on one thread.

  layers.py model.onnx [bf16|f32]       a network in 8 bits computes the rest in that type
"""
import collections
import sys

import numpy as np
import openvino

CALLS = 200


def kind(node):
    """What a layer does, and in which type; a pointwise convolution is told by its kernel's name."""
    how = node.exec_type.lower()
    if node.node_type in ("Convolution", "GroupConvolution"):
        what = ("grouped or depthwise convolution" if node.node_type == "GroupConvolution" or "dw" in how else
                "pointwise convolution" if "1x1" in how else "convolution")
    else:
        what = {"FullyConnected": "linear", "MatMul": "linear", "Reorder": "reorder"}.get(node.node_type, node.node_type)
    return what, "8 bits" if "i8" in how.split("_") else ""


def main():
    precision = sys.argv[2] if len(sys.argv) > 2 else "bf16"
    model = openvino.Core().compile_model(sys.argv[1], "CPU", {"PERF_COUNT": True, "INFERENCE_NUM_THREADS": 1,
                                                               "INFERENCE_PRECISION_HINT": precision})
    size = model.input(0).partial_shape[2].get_length()
    pixels = np.random.default_rng(1).standard_normal((1, 3, size, size), dtype=np.float32)
    request, times = model.create_infer_request(), collections.Counter()
    for call in range(-20, CALLS):
        request.infer([pixels])
        if call >= 0:
            for node in request.profiling_info:
                times[kind(node)] += node.real_time.total_seconds() * 1e3 / CALLS
    total = sum(times.values())
    print(f"{total:.3f} ms a photo ({sys.argv[1]}, {precision})")
    for (what, dtype), ms in times.most_common():
        if ms >= 0.005 * total:
            print(f"{ms:8.3f} ms {ms / total:5.1%}  {what} {dtype}")


main()
