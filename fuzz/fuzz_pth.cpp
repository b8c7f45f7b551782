// SPDX-License-Identifier: Apache-2.0
// A PyTorch checkpoint of any bytes gives tensors or an Error.
#include <cstdint>

#include "core/error.h"
#include "pth/pth.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    shoplens::parse_pth(bytes, "fuzz");
  } catch (const shoplens::Error&) {
  }
  return 0;
}
