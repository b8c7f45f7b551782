// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "image/preprocess.h"
#include "recognize/pipeline.h"

namespace shoplens {

/// A photo as a network sees it: its last feature map, and of which part of the photo that is.
struct LookedAt {
  FeatureMap features;
  Region region;
};

/// The pipeline's network of most weight: the one to look with.
const Embedder& heaviest_network(const Pipeline& pipeline);

/// A photo decoded as the network's preprocessing declares. Throws as Embedder::features.
LookedAt look_at(const Embedder& network, const Image& photo);

/// Which parts of a photo make it like another: heat [rows, columns] from 0 to 1, of the cells of
/// the region.
struct HeatMap {
  int rows = 0, columns = 0;
  std::vector<float> heat;
  Region region;
};

/// The share that each cell has in the likeness of two photos, as the dot product of their averaged
/// features: that of the cell with the other photo's average, over the largest such product of both
/// photos; what speaks against is 0. Source: Stylianou, Souvenir, Pless, "Visualizing Deep
/// Similarity Networks", WACV 2019 (average pooling). Throws kBadInput for maps of two networks.
std::pair<HeatMap, HeatMap> heat_of(const LookedAt& a, const LookedAt& b);

}  // namespace shoplens
