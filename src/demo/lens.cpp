// SPDX-License-Identifier: Apache-2.0
#include "demo/lens.h"

#include <cmath>

namespace shoplens {
namespace {

// `light` averaged over taps at offset i * (dx, dy) with weights[|i|]; rows and columns beyond the
// edge repeat it.
void blur_along(Canvas& light, float dx, float dy, const std::vector<float>& weights) {
  const Canvas source = light;
  const int reach = static_cast<int>(weights.size()) - 1;
  struct Tap {
    int x, y;
    float weight;
  };
  std::vector<Tap> taps;
  for (int i = -reach; i <= reach; ++i)
    taps.push_back({static_cast<int>(std::lround(dx * static_cast<float>(i))),
                    static_cast<int>(std::lround(dy * static_cast<float>(i))),
                    weights[static_cast<std::size_t>(std::abs(i))]});
  for (int row = 0; row < light.height; ++row)
    for (int column = 0; column < light.width; ++column) {
      Vec3 sum;
      for (const Tap& tap : taps) {
        const int x = std::clamp(column + tap.x, 0, light.width - 1);
        const int y = std::clamp(row + tap.y, 0, light.height - 1);
        sum = sum + source.pixels[static_cast<std::size_t>(y) * light.width + x] * tap.weight;
      }
      light.pixels[static_cast<std::size_t>(row) * light.width + column] = sum;
    }
}

std::vector<float> gaussian(float sigma) {
  std::vector<float> weights;
  float total = 0;
  for (int i = 0; i <= static_cast<int>(std::ceil(2.5f * sigma)); ++i) {
    weights.push_back(std::exp(-0.5f * static_cast<float>(i * i) / (sigma * sigma)));
    total += weights.back() * (i ? 2.f : 1.f);
  }
  for (float& w : weights) w /= total;
  return weights;
}

// Highlights above 0.75 bend towards 1 instead of clipping; then gamma 2.
float encode(float light) {
  constexpr float kKnee = 0.75f;
  const float over = (light - kKnee) / (1 - kKnee);
  return std::sqrt(over > 0 ? kKnee + (1 - kKnee) * over / (1 + over * 0.8f)
                            : std::max(light, 0.f));
}

}  // namespace

Image develop(Canvas light, const Lens& lens, Random& random) {
  const float pixel = static_cast<float>(light.height) / 256;
  if (lens.blur * pixel > 0.2f) {
    const auto weights = gaussian(lens.blur * pixel);
    blur_along(light, 1, 0, weights);
    blur_along(light, 0, 1, weights);
  }
  const int shake = static_cast<int>(lens.motion * pixel / 2);
  if (shake > 0)
    blur_along(light, std::cos(lens.motion_angle), std::sin(lens.motion_angle),
               std::vector<float>(static_cast<std::size_t>(shake) + 1,
                                  1 / static_cast<float>(2 * shake + 1)));

  Image image(light.width, light.height);
  std::uint8_t* out = image.pixels.data();
  for (int row = 0; row < light.height; ++row)
    for (int column = 0; column < light.width; ++column) {
      const float x = 2 * static_cast<float>(column) / static_cast<float>(light.width) - 1;
      const float y = 2 * static_cast<float>(row) / static_cast<float>(light.height) - 1;
      const float corner = 1 - lens.vignette * (x * x + y * y) / 2;
      const Vec3 c = light.pixels[static_cast<std::size_t>(row) * light.width + column] *
                     lens.white_balance * corner;
      // One draw gives three nearly normal numbers: sums of two 10-bit uniforms each.
      std::uint64_t bits = lens.noise > 0 ? random.next() : 0;
      for (const float channel : {c.x, c.y, c.z}) {
        float value = encode(channel);
        if (lens.noise > 0) {
          const auto pair = static_cast<float>((bits & 1023) + ((bits >> 10) & 1023));
          value += lens.noise * (pair / 1023 - 1) * 2.45f;
          bits >>= 20;
        }
        *out++ = static_cast<std::uint8_t>(std::clamp(value, 0.f, 1.f) * 255 + 0.5f);
      }
    }
  return image;
}

}  // namespace shoplens
