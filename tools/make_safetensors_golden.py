# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/nn/tiny.safetensors with safetensors 0.8.0 and torch 2.13: a tensor of each type kept."""

import pathlib

import torch
from safetensors.torch import save_file

TYPES = {
    "f64": torch.float64,
    "f32": torch.float32,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "i64": torch.int64,
    "i32": torch.int32,
    "u8": torch.uint8,
    "bool": torch.bool,
}
tensors = {name: torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]).to(dtype) for name, dtype in TYPES.items()}
tensors["scalar"] = torch.tensor(7, dtype=torch.int64)
tensors["empty"] = torch.zeros(0, 3)
path = pathlib.Path(__file__).parent.parent / "tests/golden/nn/tiny.safetensors"
path.parent.mkdir(parents=True, exist_ok=True)
save_file(tensors, path, {"made by": "safetensors 0.8.0"})
