// SPDX-License-Identifier: Apache-2.0
#include "train/photos.h"

#include <utility>

#include "image/source_image.h"

namespace shoplens {

Photos::Photos(std::vector<std::filesystem::path> paths, const Preprocessing& preprocessing,
               const AugmentOptions& augment, std::int64_t cache_bytes)
    : paths_(std::move(paths)),
      preprocessing_(preprocessing),
      augment_(augment),
      keep_whole_(augment.crop_scale_min < 1),
      room_(cache_bytes),
      cache_(paths_.size()) {}

std::size_t Photos::floats_per_sample() const {
  return std::size_t{3} * preprocessing_.size * preprocessing_.size;
}

std::shared_ptr<const Image> Photos::picture(std::int64_t sample) const {
  {
    const std::lock_guard lock(mutex_);
    if (cache_[sample]) return cache_[sample];
  }
  SourceImage photo = SourceImage::load(paths_[sample]);
  auto picture = std::make_shared<const Image>(
      keep_whole_ ? std::move(photo).decoded(preprocessing_)
                  : fit_image(photo.decoded(preprocessing_), preprocessing_));
  const std::lock_guard lock(mutex_);
  const auto bytes = static_cast<std::int64_t>(picture->pixels.size());
  if (!cache_[sample] && bytes <= room_) {
    room_ -= bytes;
    cache_[sample] = picture;
  }
  return picture;
}

void Photos::load_train(std::int64_t sample, Random random, float* out) const {
  const auto image = picture(sample);
  normalize(keep_whole_ ? shoplens::augment(*image, augment_, preprocessing_, random)
                        : augment_fitted(*image, augment_, random),
            preprocessing_, out);
}

void Photos::load_eval(std::int64_t sample, bool flipped, float* out) const {
  const auto image = picture(sample);
  Image fitted = keep_whole_ ? fit_image(*image, preprocessing_) : *image;
  normalize(flipped ? hflip(fitted) : fitted, preprocessing_, out);
}

}  // namespace shoplens
