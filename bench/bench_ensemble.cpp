// SPDX-License-Identifier: Apache-2.0
// What several networks together cost, from JPEG files, against the sum of their networks' own
// times on the same photos, already prepared, each in the batches that are fastest for it:
//   bench_ensemble MODEL... -- PHOTO...
// The two in turn; prints medians and the ratio's.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "core/error.h"
#include "core/threads.h"
#include "image/source_image.h"
#include "recognize/embed_photos.h"
#include "recognize/throughput.h"
#include "timing.h"

namespace shoplens {
namespace {

constexpr int kRounds = 7;
constexpr std::size_t kMany = 1'000'000;  // photos, for which it pays to measure batches

std::unique_ptr<Pipeline> open(const PipelineSpec& spec) {
  return open_for_photos(spec, {}, kMany);
}

// One network, and what it reads of all the photos.
struct Alone {
  std::unique_ptr<Pipeline> pipeline;
  std::vector<float> prepared;

  Alone(const std::string& model, const std::vector<std::filesystem::path>& photos)
      : pipeline(open({.models = {{model, ""}}})),
        prepared(photos.size() * pipeline->floats_per_photo()) {
    for (std::size_t i = 0; i < photos.size(); ++i) {
      SourceImage photo = SourceImage::load(photos[i]);
      pipeline->prepare(photo, prepared.data() + i * pipeline->floats_per_photo());
    }
  }

  void run() const {
    const std::size_t floats = pipeline->floats_per_photo();
    const auto count = static_cast<std::int64_t>(prepared.size() / floats);
    const std::int64_t most = pipeline->batch_size();
    parallel_for((count + most - 1) / most, pipeline->callers(), [&](std::int64_t batch) {
      const std::int64_t n = std::min(most, count - batch * most);
      std::vector<float> out(static_cast<std::size_t>(n * pipeline->dim()));
      pipeline->embed(prepared.data() + static_cast<std::size_t>(batch * most) * floats, n,
                      out.data());
    });
  }
};

void run(const std::vector<std::string>& models, const std::vector<std::filesystem::path>& photos) {
  PipelineSpec spec;
  std::vector<std::unique_ptr<Alone>> alone;
  for (const std::string& model : models) {
    spec.models.push_back({model, ""});
    alone.push_back(std::make_unique<Alone>(model, photos));
  }
  const auto together = open(spec);
  std::vector<double> joint, sum, ratio;
  for (int round = -1; round < kRounds; ++round) {
    const double files = seconds_of([&] { embed_photos(*together, photos, {}); });
    double networks = 0;
    for (const auto& one : alone) networks += seconds_of([&] { one->run(); });
    if (round < 0) continue;  // warms up
    joint.push_back(files);
    sum.push_back(networks);
    ratio.push_back(files / networks);
  }
  const auto n = static_cast<double>(photos.size());
  std::printf(
      "%zu networks, %zu photos: %.2f ms a photo from files (%d a call), %.2f ms the networks' "
      "sum; ratio %.3f (%.3f-%.3f)\n",
      models.size(), photos.size(), 1e3 * median(joint) / n, together->batch_size(),
      1e3 * median(sum) / n, median(ratio), *std::min_element(ratio.begin(), ratio.end()),
      *std::max_element(ratio.begin(), ratio.end()));
}

}  // namespace
}  // namespace shoplens

int main(int argc, char** argv) {
  std::vector<std::string> models;
  int i = 1;
  for (; i < argc && std::strcmp(argv[i], "--") != 0; ++i) models.emplace_back(argv[i]);
  const std::vector<std::filesystem::path> photos(argv + std::min(i + 1, argc), argv + argc);
  if (models.empty() || photos.empty()) {
    std::fprintf(stderr, "usage: bench_ensemble MODEL... -- PHOTO...\n");
    return 2;
  }
  try {
    shoplens::run(models, photos);
  } catch (const shoplens::Error& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 2;
  }
}
