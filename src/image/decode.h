// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "image/image.h"

namespace shoplens {

/// What an untrusted file may cost. Checked on the header, before the pixels are allocated.
struct DecodeLimits {
  std::uint64_t max_bytes = 64ull << 20;   // of the file
  std::uint64_t max_pixels = 100'000'000;  // width x height
  int max_side = 32'768;
  /// Called when the header was found within these limits, before anything is allocated, with the
  /// memory that decoding takes at most (the picture, and what its kind of file needs beside it):
  /// whoever decodes many at once may let it wait, or throw.
  std::function<void(std::uint64_t bytes)> before_memory{};
};

/// What part of a picture's sides is decoded, by its size (upright, in pixels): 1, 2, 4 or 8 for
/// the whole, a half, a quarter or an eighth, rounded up.
using ChooseScale = std::function<int(int width, int height)>;

/// Decodes a JPEG (grey, YCbCr, RGB, CMYK, YCCK; baseline, progressive), PNG (1 to 16 bits,
/// palette, alpha over white, interlaced) or WebP (first frame; alpha over white), told apart by
/// content, to upright RGB: EXIF orientations 1-8 are applied. A JPEG is decoded smaller if `scale`
/// says so, which libjpeg does within its inverse DCT and in half the time; other files, for
/// which it is not asked, have no such way. Thread-safe. Throws Error that names `name`: kBadInput
/// for an empty, non-image or over-limit file, kCorrupt for a truncated or damaged one,
/// kUnsupported for an image format this does not read (naming it).
Image decode_image(std::string_view bytes, const std::string& name, const DecodeLimits& limits = {},
                   const ChooseScale& scale = {});

/// decode_image of a file's bytes.
Image load_image(const std::filesystem::path& path, const DecodeLimits& limits = {});

}  // namespace shoplens
