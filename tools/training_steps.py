#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lotte recipe step by step against PyTorch and timm, from the same weights and batches, on photos that demo-photos
draws; tests/training_steps.cpp does our side.

Networks with random weights are chaotic at this rate: PyTorch in float32 and in float64 part after a few steps of a rate
above 0, and so does PyTorch from weights changed by 1e-7 (EfficientNet-B1, with its batch norms over few pixels, multiplies
a difference by 30 a step). So both sides are run in float64, where the losses must agree within 1e-6 for the steps that AGREE
says, and in float32, where ours must agree within 1e-3, or within ten times what PyTorch's own float32 has differed by then from its
float64 and from float32 runs that begin from weights changed by 1e-7; within 1e-3 at least once a step has changed the weights.

  training_steps.py BUILD ARCH   BUILD: the folder with bin/ and tests/; exits 77 when timm is missing

The first epoch has rate 0 in the recipe. Here an epoch has as many steps as --classes says: 6 by default, so that most of the
20 steps change the weights; --classes 20 or more is the recipe as written, whose first epoch is longer than 20 steps.

With --weights the network starts from trained ones, which are calmer: then float64 must agree for all steps.
"""
import argparse
import math
import pathlib
import subprocess
import sys
import tempfile

try:
    import timm_on_cpu  # noqa: F401  (before timm)
    import timm
    import torch
    from safetensors.torch import load_file
    from torch.nn import functional as F
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCALE, MARGIN, LR, EPOCHS = 45.0, 0.4, 0.002, 29  # of recipes/lotte.toml
CHANGED = 2  # PyTorch runs from weights changed by 1e-7
AGREE = {"tf_efficientnet_b1": 4, "dm_nfnet_f0": 14}  # steps of a rate above 0, after those of rate 0


class Network(torch.nn.Module):
    """The winner's: features, GeM, Linear, BatchNorm1d, PReLU."""

    def __init__(self, arch, dim):
        super().__init__()
        self.backbone = timm.create_model(arch, pretrained=False, num_classes=0, global_pool="")
        self.p = torch.nn.Parameter(torch.full((1,), 3.0))
        self.fc = torch.nn.Linear(self.backbone.num_features, dim)
        self.bn = torch.nn.BatchNorm1d(dim)
        self.act = torch.nn.PReLU()

    def forward(self, x):
        y = self.backbone.forward_features(x).clamp(min=1e-6).pow(self.p)
        y = F.avg_pool2d(y, y.shape[-2:]).pow(1 / self.p).flatten(1)
        return self.act(self.bn(self.fc(y)))


def load(network, tensors):
    names = {"global_pool.p": "p", "neck.act.weight": "act.weight"}
    state = {}
    for name, tensor in tensors.items():
        if name.startswith("neck.") and name not in names:
            state[name[len("neck."):]] = tensor
        else:
            state[names.get(name, "backbone." + name)] = tensor
    missing, unexpected = network.load_state_dict(state, strict=False)
    assert not unexpected, unexpected
    assert all(name.endswith("num_batches_tracked") for name in missing), missing


def rate(step, steps_per_epoch):
    epoch = step // steps_per_epoch + 1  # the log counts from 1
    return 0 if epoch == 1 else LR if epoch <= 3 else LR * 0.5 * (1 + math.cos(math.pi * (epoch - 2) / EPOCHS))


def arcface(x, weight, labels):
    cosine = F.linear(F.normalize(x), F.normalize(weight))
    theta = cosine.gather(1, labels[:, None])
    sine = (1 - theta**2).sqrt()
    shifted = theta * math.cos(MARGIN) - sine * math.sin(MARGIN)
    target = torch.where(theta > math.cos(math.pi - MARGIN), shifted, theta - math.sin(math.pi - MARGIN) * MARGIN)
    return SCALE * cosine.scatter(1, labels[:, None], target)


def our_run(args, amp, folder, photos):
    out = folder / amp
    keys = [f"img_size = {args.img_size}", f"batch_size = {args.batch_size}", f"device = '{args.device}'"]
    if args.weights:
        keys.append(f"weights = '{args.weights}'")
    subprocess.run([args.build / "tests/training_steps", ROOT / "recipes/lotte.toml", photos / "train.csv", args.arch, amp,
                    str(args.steps), out, *keys], check=True, stderr=subprocess.DEVNULL)
    return load_file(out / "start.safetensors"), load_file(out / "steps.safetensors")


def torch_losses(args, start, passes):
    """The losses of a PyTorch loop from our weights on our batches, in their precision."""
    weight = torch.nn.Parameter(start["head.weight"].clone().to(args.device))
    network = Network(args.arch, 512).to(args.device, weight.dtype)
    load(network, {name[len("model."):]: t for name, t in start.items() if name.startswith("model.")})
    optimizer = torch.optim.SGD([*network.parameters(), weight], lr=LR, momentum=0.9, nesterov=True, weight_decay=1e-4)
    class_weights = 1 / torch.log1p(torch.full((args.classes,), float(args.batch_size), dtype=weight.dtype))
    class_weights = (class_weights / class_weights.sum() * args.classes).to(args.device)
    network.train()
    losses = []
    for step in range(args.steps):
        lr = rate(step, args.classes)
        assert abs(lr - passes[f"lr.{step}"].item()) < 1e-9, (step, lr, passes[f"lr.{step}"].item())
        for group in optimizer.param_groups:
            group["lr"] = lr
        labels = passes[f"labels.{step}"].to(args.device)
        pixels = passes[f"pixels.{step}"].to(args.device, weight.dtype)
        loss = F.cross_entropy(arcface(network(pixels), weight, labels), labels, weight=class_weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def changed(start, seed):
    """start with each weight changed by 1e-7 of itself, about one rounding of float32."""
    generator = torch.Generator().manual_seed(seed)
    return {name: t * (1 + 1e-7 * torch.randn(t.shape, generator=generator, dtype=t.dtype)) if t.is_floating_point() else t
            for name, t in start.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("arch")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--classes", type=int, default=6, help="with a batch of photos each")
    parser.add_argument("--img-size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--float32-only", action="store_true", help="no float64, which takes long at the recipe's 256 x 256")
    parser.add_argument("--weights", type=pathlib.Path, help="of the backbone, by timm's names; none: random ones")
    args = parser.parse_args()
    torch.backends.cudnn.allow_tf32 = False  # float32 is meant
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        photos = folder / "photos"
        subprocess.run([args.build / "bin/shoplens", "demo-photos", "--out", photos, "--classes", str(args.classes), "--train",
                        str(args.batch_size), "--test", "1"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ours, theirs = {}, {}
        for amp in ("fp32",) if args.float32_only else ("fp64", "fp32"):
            start, passes = our_run(args, amp, folder, photos)
            theirs[amp] = torch_losses(args, start, passes)
            ours[amp] = [passes[f"loss.{step}"].item() for step in range(args.steps)]
        moving = args.classes < args.steps  # else the rate is 0 throughout
        beside = [torch_losses(args, changed(start, seed), passes) for seed in range(CHANGED if moving else 0)]  # of float32
    agree = args.steps if args.weights else args.classes + AGREE[args.arch]
    failed, noise, within = False, 0, None
    print("step   PyTorch fp64  shoplens differs   PyTorch fp32 from its fp64  from weights + 1e-7   shoplens fp32 from PyTorch's")
    for step in range(args.steps):
        exact = theirs["fp32" if args.float32_only else "fp64"][step]
        double = 0 if args.float32_only else abs(ours["fp64"][step] - exact) / exact
        drift = abs(theirs["fp32"][step] - exact) / exact
        single = abs(ours["fp32"][step] - theirs["fp32"][step]) / exact
        spread = max((abs(losses[step] - theirs["fp32"][step]) / exact for losses in beside), default=0)
        noise = max(noise, drift, spread)
        failed |= (step < agree and not double < 1e-6) or not single < max(1e-3, 10 * noise)
        if within is None and not single < 1e-3:
            within = step
        print(f"{step:4}  {exact:12.7f}  {double:16.1e}  {drift:27.1e}  {spread:19.1e}  {single:29.1e}")
    within = args.steps if within is None else within
    failed |= within < min(args.steps, args.classes + 2)  # the loss after the first step of a rate above 0
    print(f"{args.arch}: {'differs' if failed else 'agrees'}; float32 within 1e-3 for {within} steps")
    return failed


if __name__ == "__main__":
    sys.exit(main())
