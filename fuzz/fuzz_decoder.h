// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>

#include "core/error.h"
#include "image/image_file.h"

namespace shoplens {

/// Runs a decoder on bytes that may be anything: it must give a whole picture within the limits or
/// an Error that names the file. The limits keep one run in milliseconds.
inline void fuzz_decoder(const std::function<Image(const ImageFile&)>& decode,
                         const std::uint8_t* data, std::size_t size) {
  const std::string name = "fuzz";
  const DecodeLimits limits{.max_bytes = 1 << 20, .max_pixels = 1 << 18, .max_side = 2048};
  if (size > limits.max_bytes) return;
  try {
    const Image image = decode({{reinterpret_cast<const char*>(data), size}, name, limits});
    const auto pixels =
        static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
    if (pixels == 0 || pixels > limits.max_pixels || image.pixels.size() != 3 * pixels)
      std::abort();
  } catch (const Error& error) {
    if (std::string(error.what()).find("(fuzz)") == std::string::npos) std::abort();
  }
}

}  // namespace shoplens
