// SPDX-License-Identifier: Apache-2.0
// What embedding costs from photo files, against what its two halves cost alone: the network on
// photos prepared before, and reading, decoding and resizing without a network:
//   bench_embed MODEL BATCH STREAMS -- PHOTO...      (0 0: as a long list would be run)
// Each has all cores while it is alone. Cores that they share can do no better than the sum: that
// is both at the share of the cores with which they end together. The three in turn; prints
// medians.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

#include "core/error.h"
#include "core/threads.h"
#include "image/source_image.h"
#include "recognize/embed_photos.h"
#include "recognize/throughput.h"
#include "timing.h"

namespace shoplens {
namespace {

constexpr int kRounds = 9;
constexpr std::size_t kLongList = 1'000'000'000;

void prepare(const Pipeline& pipeline, const std::filesystem::path& path, float* out) {
  SourceImage photo = SourceImage::load(path);
  pipeline.prepare(photo, out);
}

std::vector<float> prepare_all(const Pipeline& pipeline,
                               const std::vector<std::filesystem::path>& photos) {
  std::vector<float> prepared(photos.size() * pipeline.floats_per_photo());
  for (std::size_t i = 0; i < photos.size(); ++i)
    prepare(pipeline, photos[i], prepared.data() + i * pipeline.floats_per_photo());
  return prepared;
}

void network_alone(const Pipeline& pipeline, const std::vector<float>& prepared) {
  const auto count = static_cast<std::int64_t>(prepared.size() / pipeline.floats_per_photo());
  const std::int64_t batch = pipeline.batch_size();
  parallel_for((count + batch - 1) / batch, pipeline.callers(), [&](std::int64_t call) {
    const std::int64_t n = std::min(batch, count - call * batch);
    std::vector<float> out(static_cast<std::size_t>(n * pipeline.dim()));
    pipeline.embed(
        prepared.data() + static_cast<std::size_t>(call * batch) * pipeline.floats_per_photo(), n,
        out.data());
  });
}

void decode_alone(const Pipeline& pipeline, const std::vector<std::filesystem::path>& photos) {
  const int threads = available_cores();
  std::vector<std::vector<float>> out(static_cast<std::size_t>(threads),
                                      std::vector<float>(pipeline.floats_per_photo()));
  std::atomic<std::size_t> next{0};
  parallel_for(threads, threads, [&](std::int64_t thread) {
    for (std::size_t i; (i = next++) < photos.size();)
      prepare(pipeline, photos[i], out[static_cast<std::size_t>(thread)].data());
  });
}

void run(const std::string& model, const Throughput& how,
         const std::vector<std::filesystem::path>& photos) {
  std::optional<Throughput> fixed;
  if (how.batch_size > 0) fixed = how;
  const auto pipeline = open_for_photos({.models = {{model, ""}}}, {}, kLongList, fixed);
  const std::vector<float> prepared = prepare_all(*pipeline, photos);
  std::vector<double> files, network, decode, to_sum, to_network;
  for (int round = -1; round < kRounds; ++round) {
    const double f = seconds_of([&] { embed_photos(*pipeline, photos, {}); }),
                 n = seconds_of([&] { network_alone(*pipeline, prepared); }),
                 d = seconds_of([&] { decode_alone(*pipeline, photos); });
    if (round < 0) continue;  // warms up
    files.push_back(f);
    network.push_back(n);
    decode.push_back(d);
    to_sum.push_back(f / (n + d));
    to_network.push_back(f / n);
  }
  const auto ms = [&](const std::vector<double>& seconds) {
    return 1e3 * median(seconds) / static_cast<double>(photos.size());
  };
  std::printf(
      "%s %s, batch %d, %d streams, %zu photos, ms a photo: files %.2f, network alone %.2f, decode "
      "alone %.2f; files / both at their share %.3f (%.3f-%.3f), files / network alone %.3f\n",
      pipeline->arch().c_str(), pipeline->network(0).precision().c_str(), pipeline->batch_size(),
      pipeline->streams(), photos.size(), ms(files), ms(network), ms(decode), median(to_sum),
      *std::min_element(to_sum.begin(), to_sum.end()),
      *std::max_element(to_sum.begin(), to_sum.end()), median(to_network));
}

}  // namespace
}  // namespace shoplens

int main(int argc, char** argv) {
  if (argc < 6 || std::strcmp(argv[4], "--") != 0) {
    std::fprintf(stderr, "usage: bench_embed MODEL BATCH STREAMS -- PHOTO...\n");
    return 2;
  }
  try {
    shoplens::run(argv[1], {std::atoi(argv[2]), std::atoi(argv[3])}, {argv + 5, argv + argc});
  } catch (const shoplens::Error& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 2;
  }
}
