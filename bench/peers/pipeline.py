#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pipeline our users come from, as a careful Python engineer writes it: timm, DataLoader workers, Pillow, PyTorch
in bf16 and channels_last, Faiss. The peer that shoplens is timed against.

  pipeline.py train     --data train.csv --val val.csv --weights W --epochs 10   trains; prints images/s and R@1
  pipeline.py embed     --data train.csv --weights W --out emb.npy               embeds; prints images/s
  pipeline.py retrieval --gallery a.npy a.csv --queries b.npy b.csv              R@1, R@5 with Faiss
"""
import argparse
import csv
import functools
import io
import json
import math
import pathlib
import random
import resource
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import timm_on_cpu  # noqa: E402,F401
import timm  # noqa: E402

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}


def read_csv(path):
    with open(path, newline="") as file:
        return [(pathlib.Path(path).parent / row["path"], row["label"]) for row in csv.DictReader(file)]


def augment(image, size):
    if random.random() < 0.5:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    if random.random() < 0.5:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=random.randint(99, 100))
        image = Image.open(buffer).convert("RGB")
    if random.random() < 0.7:  # shift, scale, rotate about the centre, black border
        angle = math.radians(random.uniform(-10, 10))
        scale = 1 + random.uniform(-0.2, 0.2)
        dx, dy = (random.uniform(-0.2, 0.2) * size for _ in range(2))
        cos, sin, c = math.cos(angle) / scale, math.sin(angle) / scale, size / 2
        image = image.transform((size, size), Image.AFFINE,
                                (cos, sin, c - cos * (c + dx) - sin * (c + dy),
                                 -sin, cos, c + sin * (c + dx) - cos * (c + dy)), Image.BILINEAR)
    pixels = np.array(image)
    if random.random() < 0.5:
        h, w = (random.randint(1, int(0.4 * size)) for _ in range(2))
        y, x = random.randint(0, size - h), random.randint(0, size - w)
        pixels[y:y + h, x:x + w] = 0
    return pixels


class Photos(Dataset):
    def __init__(self, rows, o, train):
        self.rows, self.size, self.filter, self.train = rows, o.img_size, FILTERS[o.interpolation], train
        self.draft = o.decode == "draft"
        self.classes = sorted({label for _, label in rows})
        self.index = {label: i for i, label in enumerate(self.classes)}

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        path, label = self.rows[i]
        image = Image.open(path)
        if self.draft:
            image.draft("RGB", (2 * self.size, 2 * self.size))
        image = image.convert("RGB").resize((self.size, self.size), self.filter)
        pixels = augment(image, self.size) if self.train else np.array(image)
        return torch.from_numpy(pixels), self.index[label]


@functools.cache  # a copy a batch would wait for the GPU
def mean_and_std(device):
    return [t.to(device).view(3, 1, 1) for t in (MEAN, STD)]


def to_input(pixels, device):  # [N, S, S, 3] uint8 -> [N, 3, S, S] float, channels_last in memory without a copy
    mean, std = mean_and_std(device)
    return pixels.to(device, non_blocking=True).permute(0, 3, 1, 2).float().div_(255).sub_(mean).div_(std)


class Net(torch.nn.Module):
    def __init__(self, arch, dim, weights):
        super().__init__()
        self.backbone = timm.create_model(arch, num_classes=0, global_pool="")
        if weights:
            classifier = ("classifier.", "fc.", "head.fc.")  # as timm's architectures call it
            state = {k: v for k, v in load_file(weights).items() if not k.startswith(classifier)}
            self.backbone.load_state_dict(state)
        self.p = torch.nn.Parameter(torch.full((1,), 3.0))
        self.neck = torch.nn.Sequential(torch.nn.Linear(self.backbone.num_features, dim), torch.nn.BatchNorm1d(dim),
                                        torch.nn.PReLU()) if dim else None

    def forward(self, x):
        x = self.backbone(x).float()
        if not self.neck:
            return x.mean((2, 3))
        return self.neck(x.clamp_min(1e-6).pow(self.p).mean((2, 3)).pow(1 / self.p))


class ArcFace(torch.nn.Module):
    def __init__(self, dim, classes, s, m):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.empty(classes, dim))
        torch.nn.init.xavier_uniform_(self.weight)
        self.s, self.m = s, m

    def forward(self, x, labels):
        cosine = F.linear(F.normalize(x.float()), F.normalize(self.weight))
        target = cosine.gather(1, labels[:, None]).clamp(-1 + 1e-7, 1 - 1e-7)
        shifted = torch.where(target > -math.cos(self.m), torch.cos(target.acos() + self.m),
                              target - self.m * math.sin(self.m))
        return F.cross_entropy(self.s * cosine.scatter(1, labels[:, None], shifted), labels)


def autocast(o):
    return torch.autocast(o.device, torch.bfloat16, enabled=o.amp == "bf16")


def loader(photos, o, **keys):
    return DataLoader(photos, o.batch_size, num_workers=o.workers, pin_memory=o.device == "cuda", **keys)


def clock(o):
    if o.device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


@torch.inference_mode()
def embed_rows(net, rows, o):
    net.eval()
    parts = []
    with autocast(o):
        for pixels, _ in loader(Photos(rows, o, False), o):
            parts.append(F.normalize(net(to_input(pixels, o.device)).float()))
    return torch.cat(parts).cpu().numpy()


def recall(gallery, gallery_labels, queries, query_labels):
    import faiss
    index = faiss.IndexFlatIP(gallery.shape[1])
    index.add(gallery)
    found = np.asarray(gallery_labels)[index.search(queries, 5)[1]]
    right = found == np.asarray(query_labels)[:, None]
    return right[:, 0].mean(), right.any(1).mean()


def train(o):
    torch.manual_seed(o.seed), random.seed(o.seed)
    rows = read_csv(o.data)
    photos = Photos(rows, o, True)
    batches = loader(photos, o, shuffle=True, drop_last=True, persistent_workers=o.workers > 0)
    net = Net(o.arch, o.dim, o.weights).to(o.device, memory_format=torch.channels_last)
    head = ArcFace(o.dim, len(photos.classes), o.scale, o.margin).to(o.device)
    backbone = list(net.backbone.parameters())
    model = torch.compile(net) if o.compile else net
    rest = [net.p, *net.neck.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW([{"params": backbone, "lr": o.lr}, {"params": rest, "lr": 10 * o.lr}],
                                  weight_decay=0.02, fused=True)
    total, warmup = o.epochs * len(batches), len(batches)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: (t + 1) / warmup if t < warmup else 0.5 * (
        1 + math.cos(math.pi * (t - warmup) / max(total - warmup, 1))))
    step, timed, seconds = 0, 0, 0.0
    for epoch in range(o.epochs):
        net.train()
        if not (o.steps and timed):  # the timed part goes on over epochs
            start = clock(o)
        for pixels, labels in batches:
            with autocast(o):
                embedding = model(to_input(pixels, o.device))
            loss = head(embedding, labels.to(o.device, non_blocking=True))
            loss.backward()
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            if step == o.warmup_steps:  # the timed part starts here
                start, timed = clock(o), 0
            elif step > o.warmup_steps:
                timed += len(labels)
            if o.steps and step >= o.steps:
                break
        seconds = clock(o) - start
        if o.steps and step >= o.steps:
            break
        if o.val:
            val = read_csv(o.val)
            r1, r5 = recall(embed_rows(net, rows, o), [r[1] for r in rows], embed_rows(net, val, o), [r[1] for r in val])
            print(f"epoch {epoch + 1} loss {loss.item():.3f} {seconds:.1f} s R@1 {100 * r1:.2f}", file=sys.stderr)
    if o.save:
        save_file(net.state_dict(), o.save)
    return {"images_per_second": timed / seconds if o.steps else len(batches) * o.batch_size / seconds}


def embed(o):
    net = Net(o.arch, o.dim if o.checkpoint else 0, o.weights if not o.checkpoint else None)
    if o.checkpoint:
        net.load_state_dict(load_file(o.checkpoint))
    net = net.to(o.device, memory_format=torch.channels_last)
    rows = read_csv(o.data)[:o.limit or None]
    embed_rows(net, rows[:2 * o.batch_size], o)  # warm
    start = clock(o)
    vectors = embed_rows(net, rows, o)
    seconds = clock(o) - start
    if o.out:
        np.save(o.out, vectors)
    return {"images_per_second": len(rows) / seconds}


def retrieval(o):
    (a, a_csv), (b, b_csv) = o.gallery, o.queries
    r1, r5 = recall(np.load(a), [r[1] for r in read_csv(a_csv)], np.load(b), [r[1] for r in read_csv(b_csv)])
    return {"recall_at_1": float(r1), "recall_at_5": float(r5)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=["train", "embed", "retrieval"])
    for name, default in dict(data="", val="", weights="", checkpoint="", out="", save="", arch="mobilenetv2_100",
                              interpolation="bilinear", amp="bf16", device="cpu", cudnn_benchmark="on").items():
        parser.add_argument("--" + name.replace("_", "-"), default=default)
    for name, default in dict(img_size=224, dim=512, batch_size=32, workers=2, threads=2, epochs=10, steps=0,
                              warmup_steps=5, limit=0, seed=1).items():
        parser.add_argument("--" + name.replace("_", "-"), type=int, default=default)
    for name, default in dict(lr=3e-4, scale=30.0, margin=0.3).items():
        parser.add_argument("--" + name, type=float, default=default)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--decode", default="full", choices=["full", "draft"])
    parser.add_argument("--gallery", nargs=2)
    parser.add_argument("--queries", nargs=2)
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    torch.backends.cudnn.benchmark = o.cudnn_benchmark == "on"
    result = {"train": train, "embed": embed, "retrieval": retrieval}[o.job](o)
    own, workers = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    result["peak_mib"] = own
    result["peak_mib_of_a_worker"] = workers
    print(json.dumps(result))


if __name__ == "__main__":
    main()
