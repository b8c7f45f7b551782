// SPDX-License-Identifier: Apache-2.0
// What one photo costs in a warm process, stage by stage, against the network's own time:
//   bench_predict GALLERY MODEL PHOTO...
// Each round takes every stage of one photo once, so that a noisy machine slows them alike; prints
// the p50 and p99 of the rounds, and the median of what they took against the network.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "image/source_image.h"
#include "recognize/recognizer.h"
#include "timing.h"

namespace shoplens {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kRounds = 500, kWarm = 20;
constexpr std::array<const char*, 5> kStages{"read", "decode", "resize, normalise", "network",
                                             "search, decide"};

void run(const char* gallery_path, const char* model_path, const std::vector<std::string>& photos) {
  const Gallery gallery(gallery_path);
  const Pipeline pipeline({.models = {{model_path, ""}}}, {});
  const Embedder& embedder = pipeline.network(0);
  const Recognizer recognizer(gallery, pipeline, {});
  const Preprocessing& p = embedder.info().preprocessing;
  std::vector<float> pixels(std::size_t{3} * p.size * p.size), embedding(embedder.info().dim);
  std::array<std::vector<double>, kStages.size()> times;
  std::vector<double> ratios, totals;
  for (int round = -kWarm; round < kRounds; ++round) {
    std::array<Clock::time_point, kStages.size() + 1> at;
    at[0] = Clock::now();
    const std::string& path = photos[static_cast<std::size_t>(round + kWarm) % photos.size()];
    const std::string bytes = read_file(path);
    at[1] = Clock::now();
    SourceImage photo(bytes, path);
    const Image& image = photo.decoded(p);
    at[2] = Clock::now();
    preprocess(image, p, pixels.data());
    at[3] = Clock::now();
    embedder.embed(pixels.data(), 1, embedding.data());
    at[4] = Clock::now();
    const auto answers = recognizer.answer(embedding);
    at[5] = Clock::now();
    if (round < 0) continue;
    const auto ms = [&](std::size_t from, std::size_t to) {
      return std::chrono::duration<double, std::milli>(at[to] - at[from]).count();
    };
    for (std::size_t s = 0; s < kStages.size(); ++s) times[s].push_back(ms(s, s + 1));
    totals.push_back(ms(0, 5));
    ratios.push_back(ms(0, 5) / ms(3, 4));
  }
  std::printf("%-18s %7s %7s ms\n", "", "p50", "p99");
  for (std::size_t s = 0; s < kStages.size(); ++s)
    std::printf("%-18s %7.3f %7.3f\n", kStages[s], median(times[s]), quantile(times[s], 0.99));
  std::printf("%-18s %7.3f %7.3f   %.2fx the network (%s, %s)\n", "all", median(totals),
              quantile(totals, 0.99), median(ratios), embedder.info().arch.c_str(),
              embedder.precision().c_str());
}

}  // namespace
}  // namespace shoplens

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: bench_predict GALLERY MODEL PHOTO...\n");
    return 2;
  }
  try {
    shoplens::run(argv[1], argv[2], {argv + 3, argv + argc});
  } catch (const shoplens::Error& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 2;
  }
}
