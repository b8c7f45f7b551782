// SPDX-License-Identifier: Apache-2.0
#include "fuzz_decoder.h"
#include "image/decode_jpeg.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const int scale : {1, 8, 4, 2})
    shoplens::fuzz_decoder(
        [scale](const shoplens::ImageFile& file) {
          return shoplens::decode_jpeg(file, [scale](int, int) { return scale; });
        },
        data, size);
  return 0;
}
