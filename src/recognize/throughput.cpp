// SPDX-License-Identifier: Apache-2.0
#include "recognize/throughput.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <sstream>

#include "core/cache_file.h"
#include "core/error.h"
#include "core/threads.h"

namespace shoplens {
namespace {
using Clock = std::chrono::steady_clock;

constexpr std::array kBatches{1, 4, 16, 32};
constexpr double kMeasureSeconds = 1;
constexpr int kRounds = 4;               // so that a busy moment does not decide
constexpr double kLongestCall = 0.5;     // seconds; batches that take longer are not tried
constexpr double kClearlyFaster = 1.05;  // than the simple choice; less may be noise
constexpr double kOutOfTheRace = 0.85;   // of the best rate
// Seconds of work that are worth measuring for: batches gain a single network little and several a
// third (docs/performance.md, docs/results.md).
constexpr double kWorthMeasuringOne = 300, kWorthMeasuringSeveral = 30;
constexpr std::size_t kManyRounds = 8;  // calls a stream, from which on a batch counts as full

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// One call's pixels and results: grey with a little structure, as zeros can be quicker than pixels.
struct Call {
  Call(const Pipeline& pipeline, int batch_size)
      : pixels(static_cast<std::size_t>(batch_size) * pipeline.floats_per_photo()),
        vectors(static_cast<std::size_t>(batch_size) * static_cast<std::size_t>(pipeline.dim())),
        probabilities(static_cast<std::size_t>(batch_size) * pipeline.classes().size()) {
    for (std::size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<float>(i * 2654435761u % 1024) / 512.0f - 1.0f;
  }
  void run(const Pipeline& pipeline, int batch_size) {
    pipeline.embed(pixels.data(), batch_size, vectors.data(), probabilities.data());
  }
  std::vector<float> pixels, vectors, probabilities;
};

double seconds_of_one(const Pipeline& pipeline) {
  Call call(pipeline, 1);
  call.run(pipeline, 1);  // the first one sets memory up
  const auto start = Clock::now();
  call.run(pipeline, 1);
  return seconds_since(start);
}

struct Candidate {
  const Pipeline* pipeline;
  int batch_size;
  double rate = 0;  // the best of the rounds: what else runs on the machine only makes it less
  Throughput choice() const { return {batch_size, pipeline->streams()}; }
};

double best_rate(const std::vector<Candidate>& candidates) {
  double best = 0;
  for (const Candidate& c : candidates) best = std::max(best, c.rate);
  return best;
}

// The candidates with batches that are quick enough to be tried, after a first try.
std::vector<Candidate> try_all(const std::vector<const Pipeline*>& pipelines) {
  std::vector<Candidate> all;
  for (const Pipeline* pipeline : pipelines) {
    double rate = 0;
    for (const int batch : kBatches) {
      if (rate > 0 && batch * pipeline->streams() / rate > kLongestCall) break;
      photos_per_second(*pipeline, batch, 0);  // a first call sets memory up
      rate = photos_per_second(*pipeline, batch, 0);
      all.push_back({pipeline, batch, rate});
    }
  }
  return all;
}

// Everything that the choice depends on.
std::string cache_key(const Pipeline& pipeline, const RuntimeOptions& runtime) {
  return join("shoplens throughput 1\nmodel ", pipeline.fingerprint(), "\nviews ",
              view_count(pipeline.spec().tta), "\nprecision ", pipeline.network(0).precision(),
              "\ndevice ", runtime.device, "\nthreads ", runtime.threads, "\nprocessor ",
              processor_identity(), "\nopenvino ", openvino_version());
}

std::optional<Throughput> read_throughput(const std::string& key, int threads) {
  const auto text = read_cached("throughput", key);
  if (!text) return std::nullopt;
  std::istringstream words(*text);
  Throughput kept;
  if (!(words >> kept.batch_size >> kept.streams) || kept.batch_size < 1 ||
      kept.batch_size > kBatches.back() || kept.streams < 1 || kept.streams > threads)
    return std::nullopt;
  return kept;
}

}  // namespace

double photos_per_second(const Pipeline& pipeline, int batch_size, double seconds) {
  const int streams = pipeline.streams();
  std::atomic<std::int64_t> calls{0};
  std::vector<Call> call(static_cast<std::size_t>(streams), Call(pipeline, batch_size));
  const auto start = Clock::now();
  parallel_for(streams, streams, [&](std::int64_t i) {
    do {
      call[static_cast<std::size_t>(i)].run(pipeline, batch_size);
      ++calls;
    } while (seconds_since(start) < seconds);
  });
  return static_cast<double>(calls * batch_size) / seconds_since(start);
}

Throughput measure_throughput(const Pipeline& pipeline, const RuntimeOptions& runtime) {
  std::vector<std::unique_ptr<Pipeline>> opened;
  std::vector<const Pipeline*> pipelines{&pipeline};
  const bool several = pipeline.spec().models.size() > 1;
  for (const int streams : {runtime.threads / 2, 1}) {
    if (several || streams < 1 || streams >= pipelines.back()->streams()) continue;
    RuntimeOptions fewer = runtime;
    fewer.streams = streams;
    pipelines.push_back(
        opened.emplace_back(std::make_unique<Pipeline>(pipeline.spec(), fewer)).get());
  }
  std::vector<Candidate> candidates = try_all(pipelines);
  const double seconds = kMeasureSeconds / static_cast<double>(kRounds * candidates.size());
  for (int round = 0; round < kRounds; ++round)
    for (Candidate& c : candidates)
      if (c.rate >= kOutOfTheRace * best_rate(candidates) || &c == &candidates.front())
        c.rate = std::max(c.rate, photos_per_second(*c.pipeline, c.batch_size, seconds));
  const Candidate& simple = candidates.front();
  const auto best =
      std::max_element(candidates.begin(), candidates.end(),
                       [](const Candidate& a, const Candidate& b) { return a.rate < b.rate; });
  return best->rate > kClearlyFaster * simple.rate ? best->choice() : simple.choice();
}

int streams_for(std::size_t photos, int batch_size, int threads) {
  const auto batch = static_cast<std::size_t>(batch_size);
  return static_cast<int>(
      std::clamp<std::size_t>((photos + batch - 1) / batch, 1, static_cast<std::size_t>(threads)));
}

std::unique_ptr<Pipeline> open_for_photos(const PipelineSpec& spec, RuntimeOptions runtime,
                                          std::size_t photos,
                                          const std::optional<Throughput>& fixed) {
  if (runtime.threads <= 0) runtime.threads = available_cores();
  const auto open = [&](const Throughput& how) {
    runtime.streams = how.streams;
    auto pipeline = std::make_unique<Pipeline>(spec, runtime);
    pipeline->set_batch_size(how.batch_size);
    return pipeline;
  };
  if (fixed) return open(*fixed);
  const Throughput simple{1, streams_for(photos, 1, runtime.threads)};
  auto pipeline = open(simple);
  if (photos < kManyRounds * static_cast<std::size_t>(runtime.threads)) return pipeline;
  const std::string key = cache_key(*pipeline, runtime);
  std::optional<Throughput> best = read_throughput(key, runtime.threads);
  if (!best) {
    const double work = static_cast<double>(photos) * seconds_of_one(*pipeline) / simple.streams;
    const bool several = spec.models.size() > 1;
    if (work < (several ? kWorthMeasuringSeveral : kWorthMeasuringOne)) return pipeline;
    best = measure_throughput(*pipeline, runtime);
    write_cached("throughput", key, join(best->batch_size, ' ', best->streams, '\n'));
  }
  if (photos < kManyRounds * static_cast<std::size_t>(best->batch_size * best->streams))
    return pipeline;
  if (best->streams != simple.streams) return open(*best);
  pipeline->set_batch_size(best->batch_size);
  return pipeline;
}

}  // namespace shoplens
