// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace shoplens {

/// One part of a multipart/form-data body. `content` refers to the body.
struct FormPart {
  std::string name, filename, type;  // filename and type are "" when the part has none
  std::string_view content;
};

struct MultipartLimits {
  std::size_t parts = 64, header_bytes = 4096;  // of one part
};

/// The parts of a multipart/form-data body (RFC 7578) of this Content-Type. Throws HttpError 400
/// for a type without boundary and for a body that is not made as it says, 413 for one over the
/// limits. Nothing is decoded, and no name touches the file system.
std::vector<FormPart> parse_multipart(const std::string& content_type, std::string_view body,
                                      const MultipartLimits& limits = {});

}  // namespace shoplens
