// SPDX-License-Identifier: Apache-2.0
#include "image/decode.h"

#include "core/error.h"
#include "core/files.h"
#include "image/decode_jpeg.h"
#include "image/decode_png.h"
#include "image/decode_webp.h"
#include "image/format.h"
#include "image/image_file.h"

namespace shoplens {
namespace {

[[noreturn]] void throw_foreign(const ImageFile& file) {
  if (const auto format = foreign_format(file.bytes))
    throw_unsupported(
        file, format->name,
        format->picture ? kConvertHint : "check where it came from: it is no picture");
  throw Error(ErrorCode::kBadInput,
              join("decode_image: want JPEG, PNG or WebP, got a file of an unknown kind (",
                   file.name, ")"));
}

}  // namespace

Image decode_image(std::string_view bytes, const std::string& name, const DecodeLimits& limits,
                   const ChooseScale& scale) {
  check(!bytes.empty(), "decode_image: want JPEG, PNG or WebP, got an empty file (", name, ")");
  check(bytes.size() <= limits.max_bytes, "decode_image: want at most ", limits.max_bytes,
        " bytes, got ", bytes.size(), " (", name, ")");
  const ImageFile file{bytes, name, limits};
  switch (image_format(bytes)) {
    case ImageFormat::kJpeg:
      return decode_jpeg(file, scale);
    case ImageFormat::kPng:
      return decode_png(file);
    case ImageFormat::kWebp:
      return decode_webp(file);
    case ImageFormat::kOther:
      break;
  }
  throw_foreign(file);
}

Image load_image(const std::filesystem::path& path, const DecodeLimits& limits) {
  return decode_image(read_file(path, limits.max_bytes), path.string(), limits);
}

}  // namespace shoplens
