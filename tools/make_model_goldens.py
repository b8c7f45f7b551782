# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/models/NAME.json: what timm's backbones compute from made-up weights.

    .venv/bin/python tools/make_model_goldens.py [NAME...]

No weights are needed: every tensor is filled by a hash of its name, in Python here and in C++ in tests/hash_fill.h,
to the bit. Both sides compute in double, so that a difference is a mistake and not rounding.

    h(name)    = FNV-1a, 64 bits
    u(name, i) = the upper 24 bits of the i-th output of SplitMix64 seeded with h(name), over 2^24: [0, 1)
    value      = float32(low + (high - low) * u), low and high as `bounds` says

Keys of a golden:
    timm, torch   the versions it was made with
    names         SHA-256 of the sorted lines "name shape\\n" of the parameters and buffers, shape as 32,3,3,3
    eval          for each input side: shape, norm, dot (with the hash-filled "loss") and 64 hashed values of
                  forward_features in eval mode; "train": the same with batch statistics
    gradients     norm of d dot / d parameter in train mode, in the sorted order of the names
"""
import hashlib
import json
import math
import pathlib
import sys

import numpy as np
import timm_on_cpu  # noqa: F401  (before timm)
import timm
import torch

BACKBONES = [
    "mobilenetv2_100",
    *(f"efficientnet_b{i}" for i in range(5)),
    *(f"tf_efficientnet_b{i}" for i in range(5)),
    "mobilenetv3_large_100",
    "resnet50",
    "convnext_tiny",
    "vit_small_patch14_dinov2",
    "dm_nfnet_f0",
]
EVAL_SIDES = (65, 96)  # odd and even: TensorFlow's padding differs
TRAIN_SIDE = 96
VIT_EVAL_SIDES, VIT_TRAIN_SIDE = (70, 98), 98  # multiples of a patch

# Parts of a timm model that come after pooling.
LEFT_OUT = {"mobilenetv3_large_100": "conv_head.", "convnext_tiny": "head."}


def uniform(name, count):
    """u(name, 0..count-1) in float64."""
    with np.errstate(over="ignore"):
        seed = np.uint64(0xCBF29CE484222325)
        for byte in name.encode():
            seed = (seed ^ np.uint64(byte)) * np.uint64(0x100000001B3)
        z = seed + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) * 2.0**-24


def bounds(name, shape):
    """The range a tensor is filled from, such that activations keep their size through the network."""
    if name.endswith("running_var"):
        return 0.5, 1.5
    if name.endswith(("running_mean", "bias")):
        return -0.1, 0.1
    if name.endswith("weight") and len(shape) > 1:  # variance 5 / 3 of one over fan in
        high = math.sqrt(5.0 / math.prod(shape[1:]))
        return -high, high
    if name.endswith(("cls_token", "pos_embed")):
        return -1.0, 1.0
    if name == "input":
        return -2.0, 2.0
    if name == "loss":
        return -1.0, 1.0
    return 0.8, 1.2  # a norm's weight, a gain


def filled(name, shape):
    low, high = bounds(name, shape)
    values = low + (high - low) * uniform(name, math.prod(shape))
    return torch.from_numpy(values.astype(np.float32).reshape(shape)).double()


def loss_of(features):
    return (features * filled("loss", tuple(features.shape))).sum() / features.numel()


def numbers(values):
    return [float(f"{v:.9g}") for v in values]


def summary(features):
    flat = features.detach().flatten()
    positions = np.floor(uniform("positions", 64) * flat.numel()).astype(np.int64)
    norm, dot = numbers([flat.norm(), loss_of(features).detach()])
    return {"shape": list(features.shape), "norm": norm, "dot": dot, "values": numbers(flat[positions])}


def golden(name):
    vit = name.startswith("vit_")
    eval_sides, train_side = (VIT_EVAL_SIDES, VIT_TRAIN_SIDE) if vit else (EVAL_SIDES, TRAIN_SIDE)
    model = timm.create_model(name, num_classes=0, **({"dynamic_img_size": True} if vit else {})).double()
    ours = lambda key: not key.startswith(LEFT_OUT.get(name, "?"))  # noqa: E731
    tensors = {k: v for k, v in model.state_dict().items() if ours(k)}
    for key, tensor in tensors.items():
        if tensor.is_floating_point():
            tensor.copy_(filled(key, tuple(tensor.shape)))
    lines = "".join(f"{k} {','.join(map(str, tensors[k].shape))}\n" for k in sorted(tensors))
    model.eval()
    with torch.no_grad():
        evals = {str(s): summary(model.forward_features(filled("input", (2, 3, s, s)))) for s in eval_sides}
    model.train()
    features = model.forward_features(filled("input", (2, 3, train_side, train_side)))
    loss_of(features).backward()
    gradients = {k: p.grad.norm() for k, p in model.named_parameters() if ours(k)}
    return {
        "timm": timm.__version__,
        "torch": torch.__version__,
        "names": hashlib.sha256(lines.encode()).hexdigest(),
        "eval": evals,
        "train": {str(train_side): summary(features)},
        "gradients": numbers(gradients[k] for k in sorted(gradients)),
    }


def main():
    torch.set_num_threads(1)
    folder = pathlib.Path(__file__).parent.parent / "tests/golden/models"
    for name in sys.argv[1:] or BACKBONES:
        (folder / f"{name}.json").write_text(json.dumps(golden(name), separators=(",", ":")) + "\n")
        print(name)


if __name__ == "__main__":
    main()
