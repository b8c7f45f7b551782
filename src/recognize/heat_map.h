// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "image/image.h"
#include "image/preprocess.h"
#include "recognize/pipeline.h"

namespace shoplens {

/// Which parts of a photo make it like another: heat [rows, columns] from 0 to 1, of the cells of
/// the part of the photo that the network saw.
struct HeatMap {
  int rows = 0, columns = 0;
  std::vector<float> heat;
  Region region;
};

/// The share that each cell has in the cosine of the two photos' averaged features: the dot product
/// of cell i of one with the other's average, over the largest such product of both photos; what
/// speaks against is 0. Source: Stylianou, Souvenir, Pless, "Visualizing Deep Similarity Networks",
/// WACV 2019, equation 3 (average pooling). Regions are left to the caller.
std::pair<HeatMap, HeatMap> heat_of(const FeatureMap& a, const FeatureMap& b);

/// The same of two pictures, by the pipeline's network of most weight.
std::pair<HeatMap, HeatMap> heat_of(const Pipeline& pipeline, const Image& a, const Image& b);

}  // namespace shoplens
