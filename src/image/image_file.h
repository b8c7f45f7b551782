// SPDX-License-Identifier: Apache-2.0
// What the decoders of one format each share: the file they read and the errors they throw.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "image/decode.h"

namespace shoplens {

/// One encoded picture, what errors call it and what it may cost. Refers to its parts.
struct ImageFile {
  std::string_view bytes;
  const std::string& name;
  const DecodeLimits& limits;
};

/// Throws kBadInput that names the file unless its header's size is within the limits.
void check_size(const ImageFile& file, std::uint64_t width, std::uint64_t height);

/// Tells limits.before_memory how many bytes decoding holds at most at any moment; of a size that
/// was checked.
void announce_memory(const ImageFile& file, std::uint64_t bytes);

/// Throws kCorrupt: "decode_image: want a sound PNG, got a damaged one: <reason> (<name>)".
[[noreturn]] void throw_damaged(const ImageFile& file, const char* format, const char* reason);

/// Throws kUnsupported: "decode_image: want JPEG, PNG or WebP, got <what> (<name>)".
[[noreturn]] void throw_unsupported(const ImageFile& file, const std::string& what,
                                    const std::string& hint);
inline constexpr const char* kConvertHint = "convert it to an ordinary JPEG or PNG first";

/// The picture on a white ground: rgba [height, width, 4], alpha not premultiplied -> [height,
/// width, 3].
Image over_white(const std::uint8_t* rgba, int width, int height);

}  // namespace shoplens
