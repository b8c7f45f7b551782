// SPDX-License-Identifier: Apache-2.0
// How an embedding is kept in a row: float32, little-endian, of length 1, with a checksum beside
// it.
#pragma once
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/hash.h"

namespace shoplens {

static_assert(std::endian::native == std::endian::little, "gallery.db holds little-endian float32");

inline std::string vector_to_blob(std::span<const float> vector) {
  return {reinterpret_cast<const char*>(vector.data()), vector.size_bytes()};
}

/// The floats of `blob` after those of `vectors`.
inline void append_blob(std::string_view blob, std::vector<float>& vectors) {
  const std::size_t end = vectors.size();
  vectors.resize(end + blob.size() / sizeof(float));
  std::memcpy(vectors.data() + end, blob.data(), blob.size());
}

/// What an array's checksum holds: the first 16 digits of the SHA-256 of its bytes.
inline std::string blob_checksum(std::string_view blob) { return sha256_hex(blob).substr(0, 16); }

/// What a row's checksum holds: the first 16 digits of the SHA-256 of the item's label, path,
/// source and columns (as stored), each with a zero byte after it, and of the vector.
inline std::string row_checksum(const std::string& label, const std::string& path,
                                const std::string& source, const std::string& columns,
                                std::string_view blob) {
  Sha256 hash;
  for (const std::string* text : {&label, &path, &source, &columns}) {
    hash.update(*text);
    hash.update(std::string_view("\0", 1));
  }
  hash.update(blob);
  return hash.hex().substr(0, 16);
}

inline double vector_length(std::span<const float> vector) {
  double sum = 0;
  for (const float x : vector) sum += static_cast<double>(x) * x;
  return std::sqrt(sum);
}

/// False for NaN as well.
inline bool is_unit_length(double length) { return std::abs(length - 1) < 1e-3; }

/// Throws kBadInput, naming the gallery, unless vectors are [items, dim], each of length 1.
inline void check_unit_vectors(std::span<const float> vectors, std::size_t items, int dim,
                               const std::filesystem::path& gallery) {
  check(vectors.size() == items * static_cast<std::size_t>(dim), "gallery: want ", items,
        " vectors of ", dim, " components, got ", vectors.size(), " numbers (", gallery.string(),
        ")");
  for (std::size_t i = 0; i < items; ++i) {
    const double length = vector_length(vectors.subspan(i * static_cast<std::size_t>(dim), dim));
    check(is_unit_length(length), "gallery: want vectors of length 1, got ", length, " for item ",
          i, " (", gallery.string(), ")");
  }
}

}  // namespace shoplens
