// SPDX-License-Identifier: Apache-2.0
#include "recognize/heat_map.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace shoplens {
namespace {

std::vector<float> average_of(const FeatureMap& map) {
  const std::ptrdiff_t cells = std::ptrdiff_t{map.rows} * map.columns;
  std::vector<float> average;
  for (auto it = map.values.begin(); it != map.values.end(); it += cells)
    average.push_back(std::accumulate(it, it + cells, 0.0f) / static_cast<float>(cells));
  return average;
}

HeatMap products(const LookedAt& photo, const std::vector<float>& other) {
  const FeatureMap& map = photo.features;
  const std::size_t cells = static_cast<std::size_t>(map.rows) * map.columns;
  HeatMap heat{map.rows, map.columns, std::vector<float>(cells), photo.region};
  for (std::size_t c = 0; c < other.size(); ++c)
    for (std::size_t i = 0; i < cells; ++i) heat.heat[i] += other[c] * map.values[c * cells + i];
  return heat;
}

}  // namespace

const Embedder& heaviest_network(const Pipeline& pipeline) {
  const auto& models = pipeline.spec().models;
  const auto heaviest = std::max_element(
      models.begin(), models.end(),
      [](const PipelineModel& a, const PipelineModel& b) { return a.weight < b.weight; });
  return pipeline.network(static_cast<std::size_t>(heaviest - models.begin()));
}

LookedAt look_at(const Embedder& network, const Image& photo) {
  const Preprocessing& p = network.info().preprocessing;
  std::vector<float> pixels(std::size_t{3} * p.size * p.size);
  preprocess(photo, p, pixels.data());
  return {network.features(pixels.data()), fitted_region(photo.width, photo.height, p)};
}

std::pair<HeatMap, HeatMap> heat_of(const LookedAt& a, const LookedAt& b) {
  check(a.features.channels == b.features.channels, "heat: want maps of as many channels, got ",
        a.features.channels, " and ", b.features.channels);
  std::pair<HeatMap, HeatMap> heat{products(a, average_of(b.features)),
                                   products(b, average_of(a.features))};
  float most = 0;
  for (const HeatMap* map : {&heat.first, &heat.second})
    for (const float h : map->heat) most = std::max(most, h);
  for (HeatMap* map : {&heat.first, &heat.second})
    for (float& h : map->heat) h = most > 0 ? std::max(0.0f, h) / most : 0;
  return heat;
}

}  // namespace shoplens
