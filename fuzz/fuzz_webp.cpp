// SPDX-License-Identifier: Apache-2.0
#include "fuzz_decoder.h"
#include "image/decode_webp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  shoplens::fuzz_decoder(shoplens::decode_webp, data, size);
  return 0;
}
