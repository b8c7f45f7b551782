// SPDX-License-Identifier: Apache-2.0
#include "image/preprocess.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "image/normalize_avx2.h"

namespace shoplens {
namespace {

// Python's round(): halves to even, as nearbyint in the default rounding mode.
int round_half_even(double x) { return static_cast<int>(std::nearbyint(x)); }

struct Size {
  int width, height;
};

// timm's Resize(floor(size / crop_pct)), as torchvision computes it.
Size crop_size(int width, int height, const Preprocessing& p) {
  check(p.crop_pct > 0 && p.crop_pct <= 1, "preprocess: want crop_pct above 0 and at most 1, got ",
        p.crop_pct);
  const double resized = std::floor(p.size / p.crop_pct);
  const double shorter = std::min(width, height), longer = std::max(width, height);
  // A band 1 pixel wide would be resized to more pixels than an int counts; no photo comes near
  // this.
  const double long_side = std::floor(resized * longer / shorter);
  check(long_side <= 1e9, "preprocess: want a picture less elongated than ", width, "x", height);
  return {static_cast<int>(width <= height ? resized : long_side),
          static_cast<int>(width <= height ? long_side : resized)};
}

// timm's ResizeKeepRatio(size, longest=1).
Size letterbox_size(int width, int height, const Preprocessing& p) {
  const double ratio =
      std::max(width / static_cast<double>(p.size), height / static_cast<double>(p.size));
  return {std::clamp(round_half_even(width / ratio), 1, p.size),
          std::clamp(round_half_even(height / ratio), 1, p.size)};
}

// What fit_image resizes a picture to.
Size resized_size(int width, int height, const Preprocessing& p) {
  check(p.size > 0, "preprocess: want a size of at least 1, got ", p.size);
  check(width > 0 && height > 0, "preprocess: want a picture of at least 1x1 pixels, got ", width,
        "x", height);
  switch (p.fit) {
    case Fit::kCrop:
      return crop_size(width, height, p);
    case Fit::kLetterbox:
      return letterbox_size(width, height, p);
    case Fit::kSquash:
      break;
  }
  return {p.size, p.size};
}

// timm's CenterCrop(size), as torchvision computes its offsets.
Image resize_and_crop(const Image& image, Size to, const Preprocessing& p) {
  const Window center{round_half_even((to.width - p.size) / 2.0),
                      round_half_even((to.height - p.size) / 2.0), p.size, p.size};
  return resize_window(image, to.width, to.height, p.interpolation, center);
}

// timm's CenterCropOrPad(size, fill=mean).
Image resize_and_pad(const Image& image, Size to, const Preprocessing& p) {
  const Image inner = resize(image, to.width, to.height, p.interpolation);
  std::array<std::uint8_t, 3> fill;
  for (int c = 0; c < 3; ++c)
    fill[c] = static_cast<std::uint8_t>(std::clamp(round_half_even(255.0 * p.mean[c]), 0, 255));
  Image out(p.size, p.size);
  for (std::size_t i = 0; i < out.pixels.size(); i += 3)
    std::memcpy(&out.pixels[i], fill.data(), 3);
  const int left = (p.size - to.width) / 2, top = (p.size - to.height) / 2;
  for (int y = 0; y < to.height; ++y)
    std::memcpy(out.row(top + y) + std::ptrdiff_t{left} * 3, inner.row(y),
                static_cast<std::size_t>(to.width) * 3);
  return out;
}

using Table = std::array<std::array<float, 256>, 3>;

// What every byte of every channel becomes: the definition.
Table normalization_table(const Preprocessing& p) {
  Table table;
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t v = 0; v < 256; ++v)
      table[c][v] = (static_cast<float>(v) / 255.0f - p.mean[c]) / p.std[c];
  return table;
}

// Whether the vector code is there and gives the table to the bit.
bool fast_normalization_equals(const Table& table, const Preprocessing& p) {
  static const bool there = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (!there) return false;
  static const auto every_byte = [] {
    std::array<std::uint8_t, 3 * 256> grey;
    for (std::size_t i = 0; i < grey.size(); ++i) grey[i] = static_cast<std::uint8_t>(i / 3);
    return grey;
  }();
  Table got;
  float* const planes[3] = {got[0].data(), got[1].data(), got[2].data()};
  normalize_avx2(every_byte.data(), 256, p.mean.data(), p.std.data(), planes);
  using Bits = std::array<std::uint32_t, 3 * 256>;
  return std::bit_cast<Bits>(got) == std::bit_cast<Bits>(table);
}

}  // namespace

const char* to_string(Fit fit) {
  switch (fit) {
    case Fit::kSquash:
      return "squash";
    case Fit::kCrop:
      return "crop";
    case Fit::kLetterbox:
      return "letterbox";
  }
  return "";
}

const char* to_string(Interpolation interpolation) {
  return interpolation == Interpolation::kBilinear ? "bilinear" : "bicubic";
}

const char* to_string(Decode decode) { return decode == Decode::kDraft ? "draft" : "full"; }

Fit fit_from_string(const std::string& word) {
  for (const Fit fit : {Fit::kSquash, Fit::kCrop, Fit::kLetterbox})
    if (word == to_string(fit)) return fit;
  throw Error(ErrorCode::kBadInput,
              join("fit: want squash, crop or letterbox, got \"", word, "\""));
}

Interpolation interpolation_from_string(const std::string& word) {
  for (const Interpolation interpolation : {Interpolation::kBilinear, Interpolation::kBicubic})
    if (word == to_string(interpolation)) return interpolation;
  throw Error(ErrorCode::kBadInput,
              join("interpolation: want bilinear or bicubic, got \"", word, "\""));
}

Decode decode_from_string(const std::string& word) {
  for (const Decode decode : {Decode::kFull, Decode::kDraft})
    if (word == to_string(decode)) return decode;
  throw Error(ErrorCode::kBadInput, join("decode: want full or draft, got \"", word, "\""));
}

Preprocessing PreprocessingOptions::apply(Preprocessing own) const {
  if (img_size > 0) own.size = img_size;
  if (!fit.empty()) own.fit = fit_from_string(fit);
  if (!interpolation.empty()) own.interpolation = interpolation_from_string(interpolation);
  if (!decode.empty()) own.decode = decode_from_string(decode);
  return own;
}

int decode_scale(int width, int height, const Preprocessing& preprocessing) {
  if (preprocessing.decode == Decode::kFull) return 1;
  const Size to = resized_size(width, height, preprocessing);
  for (const int scale : {8, 4, 2})
    if (width / scale >= 2LL * to.width && height / scale >= 2LL * to.height) return scale;
  return 1;
}

Image fit_image(const Image& image, const Preprocessing& preprocessing) {
  const Size to = resized_size(image.width, image.height, preprocessing);
  // What is squashed has the size already: its centre is all of it.
  return preprocessing.fit == Fit::kLetterbox ? resize_and_pad(image, to, preprocessing)
                                              : resize_and_crop(image, to, preprocessing);
}

Region fitted_region(int width, int height, const Preprocessing& p) {
  if (p.fit == Fit::kSquash) return {};
  // The sides of the square in pixels of the picture, as far as rounding allows.
  const double side =
      p.fit == Fit::kCrop ? std::min(width, height) * p.crop_pct : std::max(width, height);
  const double x = side / width / 2, y = side / height / 2;
  return {0.5 - x, 0.5 - y, 0.5 + x, 0.5 + y};
}

void normalize(const Image& image, const Preprocessing& preprocessing, float* out) {
  const Table table = normalization_table(preprocessing);
  const std::size_t plane = static_cast<std::size_t>(image.width) * image.height;
  float* const planes[3] = {out, out + plane, out + 2 * plane};
  const std::uint8_t* pixel = image.pixels.data();
  std::size_t i = 0;
  if (fast_normalization_equals(table, preprocessing)) {
    i = plane / 8 * 8;
    normalize_avx2(pixel, i, preprocessing.mean.data(), preprocessing.std.data(), planes);
  }
  for (pixel += 3 * i; i < plane; ++i, pixel += 3)
    for (int c = 0; c < 3; ++c) planes[c][i] = table[c][pixel[c]];
}

void preprocess(const Image& image, const Preprocessing& preprocessing, float* out) {
  normalize(fit_image(image, preprocessing), preprocessing, out);
}

}  // namespace shoplens
