# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/image/{resize,preprocess,draft,jitter,tone}.txt: what Pillow, timm and torchvision make of pictures
that the tests can make again, as SHA-256 of the pixels. draft.txt is of JPEGs of make_image_goldens.py.

    .venv/bin/python tools/make_resize_goldens.py

Made with Pillow 13.0.0, torchvision 0.28.0, timm 1.0.31, PyTorch 2.13.0, NumPy 2 (the versions found are written into each file).
"""
import hashlib
import pathlib
import sys

import numpy as np
import PIL
import torch
from PIL import Image, ImageEnhance, ImageOps

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import timm_on_cpu  # noqa: E402, F401
import timm  # noqa: E402
import torchvision  # noqa: E402
from timm.data import transforms_factory  # noqa: E402
from torchvision.transforms import functional  # noqa: E402

FOLDER = pathlib.Path(__file__).parent.parent / "tests" / "golden" / "image"
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
INCEPTION = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)


def pattern(width, height):
    """Noise of a hash, the left third clamped to black and white so that bicubic overshoots; as test_pattern.h."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    h = (x.astype(np.uint64) * 73856093) ^ (y.astype(np.uint64) * 19349663) ^ (c.astype(np.uint64) * 83492791)
    h &= 0xFFFFFFFF
    h ^= h >> 13
    h = (h * 0x9E3779B1) & 0xFFFFFFFF
    h ^= h >> 16
    v = (h & 255).astype(np.uint8)
    v = np.where(x < width // 3, np.where(v < 128, 0, 255), v).astype(np.uint8)
    return Image.fromarray(v)


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def write(name, columns, lines):
    FOLDER.mkdir(parents=True, exist_ok=True)
    versions = (f"# tools/make_resize_goldens.py: Pillow {PIL.__version__}, torchvision {torchvision.__version__}, "
                f"timm {timm.__version__}, PyTorch {torch.__version__}, NumPy {np.__version__}")
    (FOLDER / name).write_text("\n".join([versions, "# " + columns, *lines]) + "\n")


def resize_lines():
    sizes = [(1, 1), (1, 7), (7, 1), (2, 3), (5, 4), (15, 16), (16, 15), (17, 33), (48, 31), (101, 67), (341, 256),
             (256, 341), (400, 3), (3, 400), (640, 481), (1023, 767)]
    targets = [(1, 1), (1, 9), (9, 1), (5, 4), (16, 16), (17, 15), (33, 47), (64, 64), (224, 224), (299, 301)]
    boxes = [((101, 67), (10, 5, 90, 60)), ((101, 67), (0.5, 0.25, 100.5, 66.75)), ((101, 67), (3.3, 7.7, 40.1, 41.9)),
             ((341, 256), (100.1, 50.7, 101.2, 51.3)), ((341, 256), (0, 12.5, 341, 200)), ((341, 256), (17, 0, 241, 256)),
             ((17, 33), (0, 0, 17, 32.5)), ((17, 33), (16.9, 32.9, 17, 33)), ((1, 7), (0.25, 0.5, 0.75, 6.5))]
    lines = []
    for size in sizes:
        image = pattern(*size)
        for target in targets + [size, (size[0], 13), (13, size[1])]:
            for name, resample in FILTERS.items():
                lines.append(f"{size[0]} {size[1]} {target[0]} {target[1]} {name} 0 0 {size[0]} {size[1]} "
                             f"{digest(image.resize(target, resample))}")
    for size, box in boxes:
        image = pattern(*size)
        for target in targets + [(224, 256)]:
            for name, resample in FILTERS.items():
                lines.append(f"{size[0]} {size[1]} {target[0]} {target[1]} {name} {' '.join(map(str, box))} "
                             f"{digest(image.resize(target, resample, box=box))}")
    return lines


def preprocess_lines():
    sizes = [(341, 256), (256, 341), (224, 224), (333, 251), (1, 9), (9, 1), (17, 400), (1023, 767), (100, 75), (223, 225)]
    modes = [("squash", 1.0), ("crop", 0.875), ("crop", 1.0), ("crop", 0.882), ("crop", 0.9), ("letterbox", 1.0)]
    lines = []
    for width, height in sizes:
        image = pattern(width, height)
        for fit, crop_pct in modes:
            for side, filter_name, (mean, std), stats in [(224, "bicubic", IMAGENET, "imagenet"),
                                                          (65, "bilinear", INCEPTION, "inception")]:
                if fit == "letterbox" and round(min(width, height) / (max(width, height) / side)) < 1:
                    continue  # Pillow refuses a side of 0; ours keeps one pixel
                transform = transforms_factory.transforms_imagenet_eval(
                    img_size=side, crop_pct=crop_pct, crop_mode=TIMM_FITS[fit], interpolation=filter_name, mean=mean, std=std)
                pixels = torchvision.transforms.Compose(transform.transforms[:-2])(image)
                lines.append(f"{width} {height} {side} {fit} {crop_pct} {filter_name} {stats} {digest(pixels)} "
                             f"{digest(transform(image).numpy())}")
    return lines


TIMM_FITS = {"squash": "squash", "crop": "center", "letterbox": "border"}


def resized_size(width, height, side, fit, crop_pct):
    """What timm's transforms resize a picture to."""
    if fit == "squash":
        return side, side
    if fit == "crop":
        short = int(side / crop_pct)
        return (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
    ratio = max(width / side, height / side)
    return round(width / ratio), round(height / ratio)


def draft_lines():
    """Opened, drafted for twice what it will be resized to (reducing_gap 2), turned, transformed."""
    lines = []
    for name in ("large_444.jpg", "large_422_progressive.jpg", "large_420.jpg", "orientation_1.jpg", "orientation_8.jpg"):
        for fit, crop_pct in (("squash", 1.0), ("crop", 0.875), ("letterbox", 1.0)):
            for side in (2, 4, 9, 10, 19, 20, 39, 40, 64):
                image = Image.open(FOLDER / "codec" / name)
                whole = image.size
                wide, high = resized_size(*whole, side, fit, crop_pct)
                image.draft("RGB", (2 * wide, 2 * high))
                scale = round(whole[0] / image.size[0])
                transform = transforms_factory.transforms_imagenet_eval(
                    img_size=side, crop_pct=crop_pct, crop_mode=TIMM_FITS[fit], interpolation="bicubic",
                    mean=IMAGENET[0], std=IMAGENET[1])
                pixels = torchvision.transforms.Compose(transform.transforms[:-2])(ImageOps.exif_transpose(image))
                lines.append(f"{name} {side} {fit} {crop_pct} {scale} {digest(pixels)}")
    return lines


def jitter_lines():
    adjust = {"brightness": functional.adjust_brightness, "contrast": functional.adjust_contrast,
              "saturation": functional.adjust_saturation}
    lines = []
    for width, height in [(31, 17), (64, 64)]:
        for name, function in adjust.items():
            for factor in [0.0, 0.6, 0.75, 1.0, 1.1, 1.4, 2.0]:
                lines.append(f"{width} {height} {name} {factor} {digest(function(pattern(width, height), factor))}")
    return lines


def tone_lines():
    steps = {"posterize": (ImageOps.posterize, [1, 2, 4, 7, 8]),
             "solarize": (ImageOps.solarize, [0.0, 100.5, 128.0, 255.0]),
             "autocontrast": (lambda image, _: ImageOps.autocontrast(image), [0]),
             "equalize": (lambda image, _: ImageOps.equalize(image), [0]),
             "sharpness": (lambda image, factor: ImageEnhance.Sharpness(image).enhance(factor), [0.0, 0.5, 1.0, 1.99])}
    lines = []
    for width, height in [(31, 17), (64, 64), (150, 101)]:  # equalize leaves the first as it is: too few pixels
        dull = Image.fromarray((40 + np.asarray(pattern(width, height)) // 2).astype(np.uint8))
        for name, (function, strengths) in steps.items():
            lines += [f"{width} {height} {name} {s} {digest(function(dull, s))}" for s in strengths]
    return lines


if __name__ == "__main__":
    write("resize.txt", "width height to_width to_height filter left top right bottom sha256", resize_lines())
    write("preprocess.txt", "width height size fit crop_pct filter statistics sha256_pixels sha256_floats", preprocess_lines())
    write("draft.txt", "file size fit crop_pct scale sha256_pixels", draft_lines())
    write("jitter.txt", "width height step factor sha256", jitter_lines())
    write("tone.txt", "width height step strength sha256", tone_lines())
    FOLDER.joinpath("resize_5x4_to_9x7_bicubic.txt").write_text(
        "\n".join(" ".join(map(str, row)) for row in np.asarray(pattern(5, 4).resize((9, 7), FILTERS["bicubic"])).reshape(7, 27)) + "\n")
