// SPDX-License-Identifier: Apache-2.0
#include "image/exif.h"

#include <cstdint>
#include <optional>
#include <utility>

namespace shoplens {
namespace {

constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::uint32_t kShort = 3, kLong = 4;  // TIFF field types
constexpr std::size_t kEntrySize = 12;          // tag 2, type 2, count 4, value 4

// Reads unsigned numbers in the file's byte order; nothing outside the data.
struct TiffBytes {
  std::string_view bytes;
  bool big_endian;

  std::optional<std::uint32_t> number(std::size_t at, std::size_t size) const {
    if (at > bytes.size() || size > bytes.size() - at) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t place = big_endian ? i : size - 1 - i;
      value = value << 8 | static_cast<std::uint8_t>(bytes[at + place]);
    }
    return value;
  }
};

// The value of the directory entry at `at`, if it is a sound orientation.
std::optional<int> entry_orientation(const TiffBytes& tiff, std::size_t at) {
  const auto type = tiff.number(at + 2, 2);
  const auto value = tiff.number(at + 8, type == kLong ? 4 : 2);
  if ((type != kShort && type != kLong) || !value || *value < 1 || *value > 8) return std::nullopt;
  return static_cast<int>(*value);
}

}  // namespace

int exif_orientation(std::string_view bytes) {
  if (!bytes.starts_with("II") && !bytes.starts_with("MM")) return 1;
  const TiffBytes tiff{bytes, bytes.starts_with("MM")};
  if (tiff.number(2, 2) != 42u) return 1;
  const auto directory = tiff.number(4, 4);
  if (!directory) return 1;
  const std::uint32_t count = tiff.number(*directory, 2).value_or(0);  // at most 65535
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t entry = std::size_t{*directory} + 2 + i * kEntrySize;
    const auto tag = tiff.number(entry, 2);
    if (!tag) return 1;
    if (tag == kOrientationTag) return entry_orientation(tiff, entry).value_or(1);
  }
  return 1;
}

Image orient(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool transposed = orientation >= 5;
  // Where the stored picture's mirror images lie, after the transposition if there is one.
  const bool flip_x = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const bool flip_y = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  Image upright = transposed ? Image(image.height, image.width) : Image(image.width, image.height);
  for (int y = 0; y < upright.height; ++y) {
    const int from_y = flip_y ? upright.height - 1 - y : y;
    std::uint8_t* out = upright.row(y);
    for (int x = 0; x < upright.width; ++x, out += 3) {
      const int from_x = flip_x ? upright.width - 1 - x : x;
      const std::uint8_t* in = transposed ? image.row(from_x) + 3 * std::size_t(from_y)
                                          : image.row(from_y) + 3 * std::size_t(from_x);
      for (int c = 0; c < 3; ++c) out[c] = in[c];
    }
  }
  return upright;
}

}  // namespace shoplens
