// SPDX-License-Identifier: Apache-2.0
#include "recognize/matcher.h"

#include "core/error.h"

namespace shoplens {
namespace {

AffineMap to_map(const PipelineSpec& spec, const std::optional<GalleryArray>& whitening) {
  if (spec.whiten == 0) return {};
  if (!whitening || whitening->rows != spec.whiten)
    throw Error(ErrorCode::kCorrupt,
                join("pipeline: want an array \"whitening\" of ", spec.whiten,
                     " rows in the gallery, found ", whitening ? whitening->rows : 0),
                "learn it with `shoplens index tune`, or set whiten = 0");
  return {spec.whiten, whitening->values};
}

VectorSource projected(VectorSource vectors, const std::shared_ptr<const Projection>& project) {
  return vectors.changed(
      static_cast<std::size_t>(project->dim_in()), static_cast<std::size_t>(project->dim()),
      [project](std::vector<float> some) { return (*project)(std::move(some)); });
}

}  // namespace

Matcher::Matcher(VectorSource vectors, std::vector<Block> blocks, const PipelineSpec& spec,
                 const std::optional<GalleryArray>& whitening,
                 const std::filesystem::path& index_file)
    : project_(std::make_shared<const Projection>(std::move(blocks), to_map(spec, whitening))),
      ranking_(projected(std::move(vectors), project_), project_->dim(), spec.ranking, 0,
               index_file) {}

Matcher::Matcher(std::vector<float> vectors, int dim)
    : Matcher(std::move(vectors), {{dim, 1.0}}, PipelineSpec{}, std::nullopt) {}

std::vector<float> Matcher::prepare(std::span<const float> queries) const {
  return ranking_.expand((*project_)({queries.begin(), queries.end()}));
}

void Matcher::add(std::span<const std::int64_t> ids, std::span<const float> vectors) {
  ranking_.add(ids, (*project_)({vectors.begin(), vectors.end()}));
}

GalleryArray to_array(const AffineMap& map) {
  return {map.out, static_cast<std::int64_t>(map.matrix.size()) / map.out, map.matrix};
}

}  // namespace shoplens
