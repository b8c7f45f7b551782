// SPDX-License-Identifier: Apache-2.0
#include "recognize/views.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/random.h"
#include "image/augment.h"

namespace shoplens {
namespace {

Image noise(int width, int height) {
  Image image(width, height);
  Random random{3};
  for (auto& p : image.pixels) p = static_cast<std::uint8_t>(random.integer(0, 255));
  return image;
}

Preprocessing squash(int size) {
  Preprocessing p;
  p.size = size;
  return p;
}

TEST(Views, FirstIsPreprocessToTheBitAndSecondItsMirror) {
  const Image image = noise(37, 23);
  const Preprocessing p = squash(16);
  std::vector<float> plain(3 * 16 * 16), views(2 * plain.size());
  preprocess(image, p, plain.data());
  preprocess_views(image, p, Tta::kHflip, views.data());
  EXPECT_EQ(std::vector<float>(views.begin(), views.begin() + 768), plain);
  for (std::size_t row = 0; row < 48; ++row)
    for (std::size_t x = 0; x < 16; ++x)
      EXPECT_EQ(views[768 + row * 16 + x], plain[row * 16 + 15 - x]);
}

TEST(Views, MirroringBeforeOrAfterIsTheSameAtFullSize) {
  const Image image = noise(16, 16);  // nothing to resize
  std::vector<float> mirrored(768), views(2 * 768);
  preprocess(hflip(image), squash(16), mirrored.data());
  preprocess_views(image, squash(16), Tta::kHflip, views.data());
  EXPECT_EQ(std::vector<float>(views.begin() + 768, views.end()), mirrored);
}

TEST(Views, MergeIsTheNormalisedMeanAlsoInPlace) {
  std::vector<float> views{1, 0, 0, 1, 0, 1, 0, 1};  // two photos of two views of two components
  merge_views(views, 2, Tta::kHflip, views.data());
  EXPECT_NEAR(views[0], std::sqrt(0.5), 1e-7);
  EXPECT_NEAR(views[1], std::sqrt(0.5), 1e-7);
  EXPECT_EQ(views[2], 0);
  EXPECT_EQ(views[3], 1);
}

TEST(Views, WithoutTtaEmbeddingsPassUntouched) {
  const std::vector<float> in{0.6f, 0.8f};
  std::vector<float> out(2);
  merge_views(in, 2, Tta::kNone, out.data());
  EXPECT_EQ(out, in);
}

}  // namespace
}  // namespace shoplens
