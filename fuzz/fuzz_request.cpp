// SPDX-License-Identifier: Apache-2.0
// What a stranger sends: the first line is the target, the second the content type, the rest the
// body.
#include <cstddef>
#include <cstdint>
#include <string>

#include "serve/upload.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::size_t first = text.find('\n'), second = text.find('\n', first + 1);
  if (first == std::string::npos || second == std::string::npos) return 0;
  shoplens::HttpRequest request;
  request.target = text.substr(0, first);
  request.headers["content-type"] = text.substr(first + 1, second - first - 1);
  request.body = text.substr(second + 1);
  try {
    shoplens::parse_target(request);
    const shoplens::Upload upload =
        shoplens::read_upload(request, shoplens::form_of(request, 8), 8);
    for (const auto& photo : upload.photos) {
      if (photo.bytes.empty()) continue;
      [[maybe_unused]] const volatile char last = photo.bytes.back();  // it must be there
    }
  } catch (const shoplens::HttpError&) {  // what is no request is refused
  }
  return 0;
}
