// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include "fuzz_decoder.h"
#include "image/decode_png.h"

namespace {

std::size_t big_endian(const std::string& bytes, std::size_t at) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

// Every whole chunk gets the checksum of its content, or hardly a changed input would pass libpng's
// first look.
std::string with_right_checksums(std::string bytes) {
  for (std::size_t at = 8; at + 12 <= bytes.size();) {
    const std::size_t length = big_endian(bytes, at);
    if (length > bytes.size() - at - 12) break;
    const auto sum =
        crc32(0, reinterpret_cast<const Bytef*>(&bytes[at + 4]), static_cast<uInt>(length + 4));
    for (std::size_t i = 0; i < 4; ++i)
      bytes[at + 8 + length + i] = static_cast<char>(sum >> (24 - 8 * i));
    at += length + 12;
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes = with_right_checksums({reinterpret_cast<const char*>(data), size});
  shoplens::fuzz_decoder(shoplens::decode_png, reinterpret_cast<const std::uint8_t*>(bytes.data()),
                         bytes.size());
  return 0;
}
