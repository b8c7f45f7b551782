#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/pth: small checkpoints by torch.save, sound and hostile; the fuzz target pth starts from them too."""
import argparse
import collections
import decimal
import os
import pathlib
import pickle
import shutil
import zipfile

import numpy
import torch

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "tests/golden/pth"


def state():
    """A float32 convolution, a transposed view, every other type, a scalar, an empty tensor, one storage used twice."""
    base = torch.arange(12, dtype=torch.float32).view(3, 4)
    tensors = collections.OrderedDict()
    tensors["conv.weight"] = torch.arange(16, dtype=torch.float32).view(2, 2, 2, 2) / 8
    tensors["transposed"] = base.t()
    tensors["tail"] = base[1:, 2:]
    tensors["half"] = torch.tensor([1.5, -2.0]).half()
    tensors["bfloat16"] = torch.tensor([1.5, -2.0]).bfloat16()
    tensors["double"] = torch.tensor([0.1], dtype=torch.float64)
    tensors["steps"] = torch.tensor(7)
    tensors["bytes"] = torch.tensor([0, 255], dtype=torch.uint8)
    tensors["mask"] = torch.tensor([True, False])
    tensors["empty"] = torch.zeros(0, 3)
    return tensors


class Call:
    def __init__(self, function, *arguments):
        self.pair = function, arguments

    def __reduce__(self):
        return self.pair


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    torch.save(state(), OUT / "zip.pth")
    torch.serialization.set_crc32_options(False)  # the fuzz target gets beyond checksums with it
    torch.save(state(), OUT / "zip_without_checksums.pth")
    torch.serialization.set_crc32_options(True)
    torch.save(state(), OUT / "legacy.pth", _use_new_zipfile_serialization=False)
    module = torch.nn.Linear(2, 1)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[3.0, 4.0]]))
        module.bias.fill_(5)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    module(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    checkpoint = {"epoch": 3, "arch": "linear", "best": 0.5, "big": 2**40, "state_dict": module.state_dict(),
                  "optimizer": optimizer.state_dict()}
    torch.save(checkpoint, OUT / "nested.pth")
    # As timm's train.py has it.
    torch.save({"epoch": 3, "state_dict": module.state_dict(), "args": argparse.Namespace(lr=0.1, data="/photos"),
                "metric": numpy.float64(0.5)}, OUT / "script.pth")
    torch.save({"weight": torch.nn.Parameter(torch.tensor([1.0]))}, OUT / "parameter.pth")
    # Hostile, or beyond tensors.
    torch.save({"weight": torch.zeros(1), "x": Call(os.system, "touch /tmp/shoplens-was-here")}, OUT / "bad_call.pth")
    torch.save({"weight": torch.zeros(1), "price": decimal.Decimal(1)}, OUT / "bad_class.pth")
    (OUT / "bad_plain.pth").write_bytes(pickle.dumps(Call(eval, "1 + 1"), protocol=2))
    sound = (OUT / "zip.pth").read_bytes()
    (OUT / "bad_truncated.pth").write_bytes(sound[: len(sound) // 2])
    with zipfile.ZipFile(OUT / "zip.pth") as source, zipfile.ZipFile(OUT / "bad_compressed.pth", "w",
                                                                     zipfile.ZIP_DEFLATED) as packed:
        for entry in source.namelist():
            packed.writestr(entry, source.read(entry))
    # A tensor that claims a million elements of a storage of one.
    with zipfile.ZipFile(OUT / "bad_beyond.pth", "w") as archive:
        head = b"\x80\x02}X\x06\x00\x00\x00weightctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
        tail = b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQK\x00J\x40\x42\x0f\x00\x85K\x01\x85\x89}tRs."
        archive.writestr("archive/data.pkl", head + tail)
        archive.writestr("archive/data/0", b"\0\0\0\0")
    # Before the one sound tensor another of 65 dimensions that nothing holds; many such would fill the memory.
    with zipfile.ZipFile(OUT / "bad_dimensions.pth", "w") as archive:
        call = b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
        storage = b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQK\x00"
        ones = b"(" + 65 * b"K\x01" + b"t"
        deep = call + storage + ones + ones + b"\x89}tR0"
        weight = call + storage + b"K\x01\x85K\x01\x85\x89}tR"
        archive.writestr("archive/data.pkl", b"\x80\x02" + deep + b"}X\x06\x00\x00\x00weight" + weight + b"s.")
        archive.writestr("archive/data/0", b"\0\0\0\0")


if __name__ == "__main__":
    main()
