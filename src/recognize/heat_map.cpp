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

HeatMap products(const FeatureMap& map, const std::vector<float>& other) {
  const std::size_t cells = static_cast<std::size_t>(map.rows) * map.columns;
  HeatMap heat{map.rows, map.columns, std::vector<float>(cells), {}};
  for (std::size_t c = 0; c < other.size(); ++c)
    for (std::size_t i = 0; i < cells; ++i) heat.heat[i] += other[c] * map.values[c * cells + i];
  return heat;
}

FeatureMap features_of(const Embedder& network, const Image& image) {
  const Preprocessing& p = network.info().preprocessing;
  std::vector<float> pixels(std::size_t{3} * p.size * p.size);
  preprocess(image, p, pixels.data());
  return network.features(pixels.data());
}

}  // namespace

std::pair<HeatMap, HeatMap> heat_of(const FeatureMap& a, const FeatureMap& b) {
  check(a.channels == b.channels, "heat: want maps of as many channels, got ", a.channels, " and ",
        b.channels);
  std::pair<HeatMap, HeatMap> heat{products(a, average_of(b)), products(b, average_of(a))};
  float most = 0;
  for (const HeatMap* map : {&heat.first, &heat.second})
    for (const float h : map->heat) most = std::max(most, h);
  for (HeatMap* map : {&heat.first, &heat.second})
    for (float& h : map->heat) h = most > 0 ? std::max(0.0f, h) / most : 0;
  return heat;
}

std::pair<HeatMap, HeatMap> heat_of(const Pipeline& pipeline, const Image& a, const Image& b) {
  const auto& models = pipeline.spec().models;
  const auto heaviest = std::max_element(
      models.begin(), models.end(),
      [](const PipelineModel& x, const PipelineModel& y) { return x.weight < y.weight; });
  const Embedder& network = pipeline.network(static_cast<std::size_t>(heaviest - models.begin()));
  auto heat = heat_of(features_of(network, a), features_of(network, b));
  const Preprocessing& p = network.info().preprocessing;
  heat.first.region = fitted_region(a.width, a.height, p);
  heat.second.region = fitted_region(b.width, b.height, p);
  return heat;
}

}  // namespace shoplens
