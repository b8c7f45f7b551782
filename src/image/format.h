// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string_view>

namespace shoplens {

enum class ImageFormat { kJpeg, kPng, kWebp, kOther };

/// What the first bytes say the file is, whatever its name.
ImageFormat image_format(std::string_view bytes);

/// A known kind of file that is none of the three.
struct ForeignFormat {
  const char* name;  // as an error says it: "GIF", "HEIC", "a web page (HTML)", "text"
  bool picture;      // so converting it makes sense
};

/// What else the first bytes say the file is; nothing when they are not known.
std::optional<ForeignFormat> foreign_format(std::string_view bytes);

}  // namespace shoplens
