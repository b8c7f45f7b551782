# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/image/codec: small pictures of every kind the decoder reads, and the RGB they must give.

    tools/make_image_goldens.py [--photos FOLDER]

Pictures are 23 x 17 (partial blocks on both sides). Pillow decodes them, so "equal to Pillow to the bit" is what the
tests check; where Pillow clips (16-bit grey) the expectation is the high byte. drafts.txt: what every JPEG, and three
larger ones, must give at a half, a quarter and an eighth. With --photos also writes photos.txt: path, SHA-256 of the
upright RGB of 20 photos that are not part of the project, and of that at a half.
Made with Pillow 13.0.0 (libjpeg-turbo 3.2.0, libwebp 1.6.0), numpy 2.4.
"""
import argparse
import hashlib
import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

WIDTH, HEIGHT = 23, 17
OUT = pathlib.Path(__file__).parent.parent / "tests/golden/image/codec"


def picture():
    """A smooth picture with an edge and some noise; no symmetry, so that every orientation differs."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    noise = np.random.default_rng(7).integers(-12, 13, (HEIGHT, WIDTH, 3))
    rgb = np.stack([x * 11, y * 15, 255 - x * 5 - y * 7], axis=2) + noise
    rgb[4:9, 3:12] = (250, 30, 20)
    return np.clip(rgb, 0, 255).astype(np.uint8)


def alpha():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return ((x * 13 + y * 29) % 256).astype(np.uint8)


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data.tobytes()


def save(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def upright_rgb(data, scale=1):
    """What decode_image must give, by Pillow: EXIF applied, transparency over white; a JPEG at 1/scale."""
    image = Image.open(io.BytesIO(data))
    if scale > 1:
        whole = image.size
        image.draft("RGB", (whole[0] // scale, whole[1] // scale))
        assert image.size == tuple(-(-side // scale) for side in whole), (whole, image.size)
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        white.paste(image.convert("RGBA"), mask=image.convert("RGBA").getchannel("A"))
        image = white
    return np.asarray(image.convert("RGB"))


# ---- JPEG
def jpegs():
    rgb = Image.fromarray(picture())
    cmyk = save(rgb.convert("CMYK"), "JPEG", quality=90)
    yield "grey.jpg", save(rgb.convert("L"), "JPEG")
    yield "grey_progressive.jpg", save(rgb.convert("L"), "JPEG", progressive=True)
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        yield f"{name}.jpg", save(rgb, "JPEG", subsampling=subsampling)
        yield f"{name}_progressive.jpg", save(rgb, "JPEG", subsampling=subsampling, progressive=True)
    yield "rgb.jpg", save(rgb, "JPEG", keep_rgb=True)
    yield "restart.jpg", save(rgb, "JPEG", restart_marker_rows=1)
    yield "cmyk.jpg", cmyk
    yield "cmyk_progressive.jpg", save(rgb.convert("CMYK"), "JPEG", progressive=True)
    # Pillow cannot write YCCK: the same data with Adobe's transform byte set to 2 is a YCCK picture of other colours.
    adobe = cmyk.index(b"\xff\xee\x00\x0eAdobe")
    yield "ycck.jpg", cmyk[: adobe + 15] + b"\2" + cmyk[adobe + 16 :]
    yield "cmyk_without_adobe.jpg", cmyk[:adobe] + cmyk[adobe + 16 :]
    plain = save(rgb, "JPEG")
    yield "extraneous_bytes.jpg", plain.replace(b"\xff\xc0", b"\xff\0\xff\0\xff\xc0", 1)
    yield "trailing_bytes.jpg", plain + b"trailing"
    for orientation in range(1, 9):
        yield f"orientation_{orientation}.jpg", save(rgb, "JPEG", exif=exif(orientation))


def large_jpegs():
    """Of more than one block of every kind, and not whole ones; the last is to be turned."""
    large = Image.fromarray(picture()).resize((211, 157), Image.Resampling.BICUBIC)
    yield "large_444.jpg", save(large, "JPEG", subsampling=0)
    yield "large_422_progressive.jpg", save(large, "JPEG", subsampling=1, progressive=True)
    yield "large_420.jpg", save(large, "JPEG", subsampling=2, exif=exif(6))


# ---- PNG, written here because Pillow writes neither interlaced nor all depths
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed_rows(samples, bits):
    """samples [h, w, c] -> filtered rows; row filters 0 (none), for the packing is what is tested."""
    rows = b""
    for row in samples.reshape(len(samples), -1):
        if bits == 16:
            data = row.astype(">u2").tobytes()
        elif bits == 8:
            data = row.astype(np.uint8).tobytes()
        else:
            planes = (row[:, None] >> np.arange(bits - 1, -1, -1)) & 1
            data = np.packbits(planes.astype(np.uint8).ravel()).tobytes()
        rows += b"\0" + data
    return rows


def png(samples, bits, colour, chunks=(), interlaced=False):
    height, width = samples.shape[:2]
    samples = samples.reshape(height, width, -1)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    if interlaced:
        passes = (samples[y::dy, x::dx] for x, y, dx, dy in ADAM7)
        rows = b"".join(packed_rows(part, bits) for part in passes if part.size)
    else:
        rows = packed_rows(samples, bits)
    extra = b"".join(chunk(kind, data) for kind, data in chunks)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows, 9))
            + chunk(b"IEND", b""))


def palettes():
    rng = np.random.default_rng(3)
    for bits in (1, 2, 4, 8):
        size = 2**bits
        colours = rng.integers(0, 256, (size, 3)).astype(np.uint8).tobytes()
        opacity = rng.integers(0, 256, max(size // 2, 1)).astype(np.uint8).tobytes()
        yield bits, rng.integers(0, size, (HEIGHT, WIDTH)), colours, opacity


def pngs():
    rgb = picture().astype(np.int64)
    grey = np.asarray(Image.fromarray(picture()).convert("L")).astype(np.int64)
    fine = np.random.default_rng(5).integers(0, 256, rgb.shape)  # the low bytes of 16 bits
    a = alpha().astype(np.int64)
    for bits in (1, 2, 4, 8):
        yield f"grey_{bits}.png", png(grey >> (8 - bits), bits, 0)
        yield f"grey_{bits}_interlaced.png", png(grey >> (8 - bits), bits, 0, interlaced=True)
    for bits, index, colours, opacity in palettes():
        yield f"palette_{bits}.png", png(index, bits, 3, [(b"PLTE", colours)])
        yield f"palette_{bits}_trns.png", png(index, bits, 3, [(b"PLTE", colours), (b"tRNS", opacity)])
    yield "palette_8_trns_interlaced.png", png(index, 8, 3, [(b"PLTE", colours), (b"tRNS", opacity)], True)
    yield "grey_8_trns.png", png(grey, 8, 0, [(b"tRNS", struct.pack(">H", grey[0, 0]))])
    yield "rgb_8_trns.png", png(rgb, 8, 2, [(b"tRNS", struct.pack(">HHH", 250, 30, 20))])
    yield "grey_alpha_8.png", png(np.dstack([grey, a]), 8, 4)
    yield "rgb_8.png", png(rgb, 8, 2)
    yield "rgb_8_interlaced.png", png(rgb, 8, 2, interlaced=True)
    yield "rgba_8.png", png(np.dstack([rgb, a]), 8, 6)
    yield "rgba_8_interlaced.png", png(np.dstack([rgb, a]), 8, 6, interlaced=True)
    yield "rgb_16.png", png(rgb * 256 + fine, 16, 2)
    yield "rgba_16.png", png(np.dstack([rgb * 256 + fine, a * 256 + fine[..., 0]]), 16, 6)
    yield "rgba_16_interlaced.png", png(np.dstack([rgb * 256 + fine, a * 256 + fine[..., 0]]), 16, 6, interlaced=True)
    yield "grey_alpha_16.png", png(np.dstack([grey * 256 + fine[..., 0], a * 256]), 16, 4)
    yield "gamma.png", png(rgb, 8, 2, [(b"gAMA", struct.pack(">I", 100000))])  # ignored
    yield "pillow.png", save(Image.fromarray(picture()), "PNG")  # all row filters
    for orientation in range(1, 9):
        yield f"orientation_{orientation}.png", save(Image.fromarray(picture()), "PNG", exif=exif(orientation))


def grey_16():
    grey = np.asarray(Image.fromarray(picture()).convert("L")).astype(np.int64)
    fine = np.random.default_rng(6).integers(0, 256, grey.shape)
    return png(grey * 256 + fine, 16, 0), np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)


# ---- WebP
def webps():
    rgb = Image.fromarray(picture())
    rgba = Image.fromarray(np.dstack([picture(), alpha()]))
    yield "lossy.webp", save(rgb, "WEBP", quality=80)
    yield "lossless.webp", save(rgb, "WEBP", lossless=True)
    yield "lossy_alpha.webp", save(rgba, "WEBP", quality=80)
    yield "lossless_alpha.webp", save(rgba, "WEBP", lossless=True, exact=True)
    second = Image.fromarray(255 - picture())
    yield "animated.webp", save(rgb, "WEBP", save_all=True, append_images=[second], lossless=True)
    yield "animated_alpha.webp", save(rgba, "WEBP", save_all=True, append_images=[second], lossless=True)
    for orientation in range(1, 9):
        yield f"orientation_{orientation}.webp", save(rgb, "WEBP", lossless=True, exif=exif(orientation))


def write_codec_goldens():
    OUT.mkdir(parents=True, exist_ok=True)
    cases = [(name, data, upright_rgb(data)) for make in (jpegs, pngs, webps) for name, data in make()]
    cases.append(("grey_16.png", *grey_16()))
    for name, data, _ in cases:
        (OUT / name).write_bytes(data)
    lines = [f"{name} {rgb.shape[1]} {rgb.shape[0]}\n" for name, _, rgb in cases]
    (OUT / "cases.txt").write_text("# file width height; expected.rgb holds their pixels in this order\n" + "".join(lines))
    (OUT / "expected.rgb").write_bytes(b"".join(rgb.tobytes() for _, _, rgb in cases))
    (OUT / "picture.rgb").write_bytes(picture().tobytes())
    for quality in (1, 30, 75, 95, 99, 100):
        (OUT / f"quality_{quality}.jpg").write_bytes(save(Image.fromarray(picture()), "JPEG", quality=quality))


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def write_draft_goldens():
    lines = []
    for name, data in (*jpegs(), *large_jpegs()):
        if name.startswith("large"):
            (OUT / name).write_bytes(data)
        for scale in (2, 4, 8) if not name.startswith("large") else (1, 2, 4, 8):
            rgb = upright_rgb(data, scale)
            lines.append(f"{name} {scale} {rgb.shape[1]} {rgb.shape[0]} {digest(rgb)}\n")
    (OUT / "drafts.txt").write_text("# file, 1/scale, width and height of that, SHA-256 of the RGB bytes\n" + "".join(lines))


def write_photo_hashes(folder):
    photos = sorted(folder.glob("**/*.jpg"))
    chosen = photos[:: max(len(photos) // 20, 1)][:20]
    lines = []
    for photo in chosen:
        whole, half = (digest(upright_rgb(photo.read_bytes(), scale)) for scale in (1, 2))
        lines.append(f"{photo.relative_to(folder).as_posix()} {whole} {half}\n")
    (OUT / "photos.txt").write_text("# path, SHA-256 of the upright RGB bytes by Pillow, of those at a half\n" + "".join(lines))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=pathlib.Path, help="a folder of photos to hash")
    arguments = parser.parse_args()
    write_codec_goldens()
    write_draft_goldens()
    if arguments.photos:
        write_photo_hashes(arguments.photos)
