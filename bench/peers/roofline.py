#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What this machine could do at most: the fastest of some matrix products and convolutions of PyTorch (oneDNN) in each type
(multiplications and additions a second), memory read in order, and what follows for a network, if the multiplications of its convolutions and linear layers were all it
did: photos/s of embedding, and of training, which multiplies three times as much (forwards, for the input's gradient, for the
weights').

  roofline.py mobilenetv2_100:224 tf_efficientnet_b1:240 dm_nfnet_f0:192
"""
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import timm_on_cpu  # noqa: F401  before timm
import timm
import torch


def best(work, rounds=7):
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def products(dtype):
    """Multiplications and additions a second."""
    rates = []
    for n in 1024, 2048, 3072:
        a, b = (torch.randn(n, n).to(dtype) for _ in range(2))
        rates.append(2 * n**3 / best(lambda: a @ b))
    for channels, side in (128, 48), (256, 24):
        x = torch.randn(32, channels, side, side).to(dtype, memory_format=torch.channels_last)
        w = torch.randn(channels, channels, 3, 3).to(dtype, memory_format=torch.channels_last)
        rates.append(2 * x.numel() * channels * 9 / best(lambda: torch.nn.functional.conv2d(x, w, padding=1)))
    return max(rates)


def products_int8():
    rates = []
    for n in 1024, 2048, 3072, 4096:
        a, b = (torch.randint(-127, 128, (n, n), dtype=torch.int8) for _ in range(2))
        rates.append(2 * n**3 / best(lambda: torch._int_mm(a, b)))
    return max(rates)


def bandwidth(mib=1024):
    x = torch.ones(mib << 18)
    return x.numel() * 4 / best(lambda: x.sum())


def multiplications(arch, size):
    """Of one photo, forwards."""
    model, total = timm.create_model(arch).eval(), 0

    def count(module, _, out):
        nonlocal total
        # Each output value takes as many as one filter has weights.
        total += out.numel() * (module.weight.numel() // module.weight.shape[0])

    for module in model.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            module.register_forward_hook(count)
    with torch.no_grad():
        model(torch.zeros(1, 3, size, size))
    return total


def main():
    peak = {"bf16": products(torch.bfloat16), "fp32": products(torch.float32), "int8": products_int8()}
    print(", ".join(f"{name} {value / 1e9:.0f} G/s" for name, value in peak.items()), f", memory {bandwidth() / 1e9:.1f} GB/s")
    columns = [(job, name, passes) for job, passes in (("embed", 1), ("train", 3)) for name in peak if (job, name) != ("train", "int8")]
    print(f"{'':24}{'GMAC':>8}" + "".join(f"{f'{job} {name}':>14}" for job, name, _ in columns) + "   photos/s at most")
    for item in sys.argv[1:]:
        arch, size = item.split(":")
        macs = multiplications(arch, int(size))
        print(f"{arch + '@' + size:24}{macs / 1e9:8.2f}" +
              "".join(f"{peak[name] / (2 * macs * passes):14.1f}" for _, name, passes in columns))


main()
