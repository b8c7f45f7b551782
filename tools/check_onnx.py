# SPDX-License-Identifier: Apache-2.0
"""Checks the ONNX files the Graph class writes: check_onnx.py WRITE_SAMPLES_PROGRAM

Each sample passes onnx.checker (with shape inference), and ONNX Runtime and OpenVINO give what PyTorch gives, at
two batch sizes. Exit 77 (skipped) where a package is absent. Written with onnx 1.23, onnxruntime 1.32,
openvino 2026.4, torch 2.13.
"""

import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import onnxruntime
    import openvino
    import torch
    import torch.nn.functional as F
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)


def wave(seed, *dims):
    count = int(np.prod(dims))
    return torch.from_numpy(np.sin(seed + 0.5 * np.arange(count)).astype(np.float32).reshape(dims))


def channels(seed, count):
    return wave(seed, count)[:, None, None]


def same(x, kernel, stride, value=0.0):
    """TensorFlow SAME: what does not divide evenly goes to the right and bottom."""
    total = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[2:]]
    h, w = total
    return F.pad(x, (w // 2, w - w // 2, h // 2, h - h // 2), value=value)


def pool_same(x):  # padding is not counted: the mean over what is inside
    ones = F.avg_pool2d(same(torch.ones_like(x), 2, 2), 2, 2)
    return F.avg_pool2d(same(x, 2, 2), 2, 2) / ones


def head(x):
    neck = F.linear(x.mean((2, 3)), wave(1, 4, 5), wave(2, 4)) * wave(3, 4)
    return F.normalize(F.prelu(neck, wave(5, 4)))


def attention(x):
    q, k = (part.reshape(-1, 3, 2, 2).transpose(1, 2) for part in x.split(4, 2))
    return ((q @ k.transpose(2, 3)).softmax(3) @ q).transpose(1, 2).flatten(2)


ORACLE = {
    "conv_folded": lambda x: F.conv2d(x, wave(1, 6, 2, 3, 3), wave(2, 6), 2, 1, groups=2) * channels(3, 6) + channels(4, 6),
    "conv_read_twice": lambda x: (lambda y: y.relu() + y * channels(2, 4) + channels(3, 4))(F.conv2d(x, wave(1, 4, 4, 1, 1))),
    "conv_same": lambda x: F.conv2d(same(x, 3, 2), wave(1, 3, 2, 3, 3), stride=2),
    "conv_dilated": lambda x: F.conv2d(x, wave(1, 3, 2, 3, 3), padding=2, dilation=2),
    "pool": lambda x: F.avg_pool2d(x, 2, 2),
    "pool_ceil": lambda x: F.avg_pool2d(x, 2, 2, ceil_mode=True, count_include_pad=False),
    "pool_same": pool_same,
    "max_pool": lambda x: F.max_pool2d(x, 3, 2, 1),
    "swish_clip": lambda x: F.silu(x).clamp(0, 0.5),
    "prelu": lambda x: F.prelu(x, wave(1, 3)),
    "head": head,
    "layer_norm": lambda x: F.linear(F.layer_norm(x, [4], wave(1, 4), wave(2, 4), 1e-2), wave(3, 5, 4), wave(4, 5)),
    "attention": attention,
    "pad_front": lambda x: F.pad(x, (0, 0, 1, 0)),
    "normalize": F.normalize,
    "affine_input": lambda x: x * channels(1, 3) + channels(2, 3),
}


def check(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    declared = [d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim][1:]
    names = {entry.key for entry in model.metadata_props}
    assert "shoplens.fingerprint" in names, names
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim][1:]
    for batch in (1, 3):
        x = 2 * wave(7, batch, *shape)
        x[-1] *= batch == 1  # the last of three is all zeros
        want = ORACLE[path.stem](x).numpy()
        assert list(want.shape[1:]) == declared, (want.shape, declared)
        for name, got in (
            ("onnxruntime", session.run(None, {"x": x.numpy()})[0]),
            ("openvino", compiled([x.numpy()])[0]),
        ):
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5, err_msg=f"{path.stem} in {name}")
    print("ok", path.stem)


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], folder], check=True)
        paths = sorted(pathlib.Path(folder).glob("*.onnx"))
        assert {path.stem for path in paths} == set(ORACLE), paths
        for path in paths:
            check(path)


main()
