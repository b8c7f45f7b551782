// SPDX-License-Identifier: Apache-2.0
#include "image/source_image.h"

#include <chrono>
#include <utility>

#include "core/files.h"

namespace shoplens {

SourceImage::SourceImage(std::string_view bytes, std::string name, const DecodeLimits& limits)
    : bytes_(bytes), name_(std::move(name)), limits_(limits) {}

SourceImage::SourceImage(Image pixels) : image_(std::move(pixels)) {}

SourceImage SourceImage::load(const std::filesystem::path& path, const DecodeLimits& limits) {
  SourceImage source({}, path.string(), limits);
  source.file_ = read_file(path, limits.max_bytes);
  return source;
}

const Image& SourceImage::decoded(const Preprocessing& preprocessing) & {
  const bool there = image_.width > 0;
  if (there && (width_ == 0 || decode_scale(width_, height_, preprocessing) == scale_))
    return image_;
  const auto start = std::chrono::steady_clock::now();
  image_ = {};  // first: only one picture is in memory
  image_ = decode_image(file_.empty() ? bytes_ : file_, name_, limits_, [&](int width, int height) {
    width_ = width;
    height_ = height;
    return scale_ = decode_scale(width, height, preprocessing);
  });
  decode_seconds_ +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return image_;
}

Image SourceImage::decoded(const Preprocessing& preprocessing) && {
  decoded(preprocessing);
  return std::move(image_);
}

}  // namespace shoplens
