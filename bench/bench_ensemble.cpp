// SPDX-License-Identifier: Apache-2.0
// What several networks together cost, from JPEG files, against the sum of their networks' own
// times on the same photos, already prepared:
//   bench_ensemble MODEL... -- PHOTO...
// The two in turn; prints medians and the ratio's.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "core/error.h"
#include "core/threads.h"
#include "image/decode.h"
#include "recognize/embed_photos.h"
#include "timing.h"

namespace shoplens {
namespace {

constexpr int kRounds = 7;
constexpr std::int64_t kBatch = 16;

RuntimeOptions on_all_cores() {
  RuntimeOptions options;
  options.threads = options.streams = available_cores();
  return options;
}

// One network, and what it reads of all the photos.
struct Alone {
  Pipeline pipeline;
  std::vector<float> prepared;

  Alone(const std::string& model, const std::vector<Image>& images)
      : pipeline({.models = {{model, ""}}}, on_all_cores()),
        prepared(images.size() * pipeline.floats_per_photo()) {
    for (std::size_t i = 0; i < images.size(); ++i)
      pipeline.prepare(images[i], prepared.data() + i * pipeline.floats_per_photo());
  }

  void run() const {
    const auto count = static_cast<std::int64_t>(prepared.size() / pipeline.floats_per_photo());
    parallel_for((count + kBatch - 1) / kBatch, pipeline.streams(), [&](std::int64_t batch) {
      const std::int64_t n = std::min(kBatch, count - batch * kBatch);
      std::vector<float> out(static_cast<std::size_t>(n * pipeline.dim()));
      pipeline.embed(
          prepared.data() + static_cast<std::size_t>(batch * kBatch) * pipeline.floats_per_photo(),
          n, out.data());
    });
  }
};

void run(const std::vector<std::string>& models, const std::vector<std::filesystem::path>& photos) {
  std::vector<Image> images;
  for (const auto& photo : photos) images.push_back(load_image(photo));
  PipelineSpec spec;
  std::vector<std::unique_ptr<Alone>> alone;
  for (const std::string& model : models) {
    spec.models.push_back({model, ""});
    alone.push_back(std::make_unique<Alone>(model, images));
  }
  const Pipeline together(spec, on_all_cores());
  std::vector<double> joint, sum, ratio;
  for (int round = -1; round < kRounds; ++round) {
    const double files =
        seconds_of([&] { embed_photos(together, photos, {static_cast<int>(kBatch), 0}); });
    double networks = 0;
    for (const auto& one : alone) networks += seconds_of([&] { one->run(); });
    if (round < 0) continue;  // warms up
    joint.push_back(files);
    sum.push_back(networks);
    ratio.push_back(files / networks);
  }
  const auto n = static_cast<double>(photos.size());
  std::printf(
      "%zu networks, %zu photos: %.2f ms a photo from files, %.2f ms the networks' sum; "
      "ratio %.3f (%.3f-%.3f)\n",
      models.size(), photos.size(), 1e3 * median(joint) / n, 1e3 * median(sum) / n, median(ratio),
      *std::min_element(ratio.begin(), ratio.end()), *std::max_element(ratio.begin(), ratio.end()));
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
