// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "image/decode.h"
#include "image/preprocess.h"

namespace shoplens {

/// A photo that networks are to see: each has it decoded as its preprocessing declares. Holds one
/// decoded picture, which those share that want the same one after the other. One thread at a time.
class SourceImage {
 public:
  /// Of an encoded photo's bytes, to which it refers; `name` is what errors call it.
  SourceImage(std::string_view bytes, std::string name, const DecodeLimits& limits = {});
  /// Of pixels that are in no file: seen as they are.
  explicit SourceImage(Image pixels);
  /// Of a file, which is read at once. Throws as read_file.
  static SourceImage load(const std::filesystem::path& path, const DecodeLimits& limits = {});

  /// The upright picture, as `preprocessing` has it decoded; until the next call. Throws as
  /// decode_image.
  const Image& decoded(const Preprocessing& preprocessing) &;
  Image decoded(const Preprocessing& preprocessing) &&;

  /// How long decoding took so far.
  double decode_seconds() const { return decode_seconds_; }

 private:
  std::string file_;        // the bytes, where they are its own
  std::string_view bytes_;  // else
  std::string name_;
  DecodeLimits limits_;
  Image image_;                 // empty: not decoded yet
  int width_ = 0;               // of the whole picture, where it can be decoded smaller; else 0
  int height_ = 0, scale_ = 1;  // what part of it `image_` is
  double decode_seconds_ = 0;
};

}  // namespace shoplens
