// SPDX-License-Identifier: Apache-2.0
#include "recognize/throughput.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <sstream>

#include "core/cache_file.h"
#include "core/error.h"
#include "core/threads.h"

namespace shoplens {
namespace {
using Clock = std::chrono::steady_clock;

constexpr double kMeasureSeconds = 1;
constexpr int kMaxBatch = 32;
constexpr double kClearlyFaster = 1.03;  // less is noise, and small batches cost less memory
constexpr double kWorthMeasuring = 60;   // seconds of work
constexpr std::size_t kManyRounds = 8;   // calls a stream, from which on a batch counts as full

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

struct Best {
  Throughput choice;
  double rate = 0;
};

// Larger and larger batches while they get faster.
void measure_batches(const Pipeline& pipeline, double seconds, Best& best) {
  double here = 0;
  for (int batch = 1; batch <= kMaxBatch; batch *= 2) {
    const double rate = photos_per_second(pipeline, batch, seconds);
    if (rate > kClearlyFaster * best.rate) best = {{batch, pipeline.streams()}, rate};
    if (rate < 0.9 * here) return;
    here = std::max(here, rate);
    // A call that is longer than its time would make measuring last too long.
    if (2.0 * batch * pipeline.streams() / rate > seconds) return;
  }
}

// Everything that the choice depends on.
std::string cache_key(const Pipeline& pipeline, const RuntimeOptions& runtime) {
  return join("shoplens throughput 1\nmodel ", pipeline.fingerprint(), "\nviews ",
              view_count(pipeline.spec().tta), "\nprecision ", pipeline.network(0).precision(),
              "\ndevice ", runtime.device, "\nthreads ", runtime.threads, "\nprocessor ",
              processor_name(), "\nopenvino ", openvino_version());
}

std::optional<Throughput> read_throughput(const std::string& key, int threads) {
  const auto text = read_cached("throughput", key);
  if (!text) return std::nullopt;
  std::istringstream words(*text);
  Throughput kept;
  if (!(words >> kept.batch_size >> kept.streams) || kept.batch_size < 1 ||
      kept.batch_size > kMaxBatch || kept.streams < 1 || kept.streams > threads)
    return std::nullopt;
  return kept;
}

}  // namespace

double photos_per_second(const Pipeline& pipeline, int batch_size, double seconds) {
  const int streams = pipeline.streams();
  std::atomic<std::int64_t> calls{0};
  std::vector<Call> call(static_cast<std::size_t>(streams), Call(pipeline, batch_size));
  const auto each = [&](const auto& work) {
    parallel_for(streams, streams,
                 [&](std::int64_t i) { work(call[static_cast<std::size_t>(i)]); });
  };
  each([&](Call& one) { one.run(pipeline, batch_size); });  // a first call sets up its batch size
  const auto start = Clock::now();
  each([&](Call& one) {
    do {
      one.run(pipeline, batch_size);
      ++calls;
    } while (seconds_since(start) < seconds);
  });
  return static_cast<double>(calls * batch_size) / seconds_since(start);
}

Throughput measure_throughput(const Pipeline& pipeline, const RuntimeOptions& runtime) {
  std::vector<int> fewer;  // streams
  for (const int streams : {runtime.threads / 2, 1})
    if (streams >= 1 && streams < pipeline.streams() &&
        std::find(fewer.begin(), fewer.end(), streams) == fewer.end())
      fewer.push_back(streams);
  const double seconds = kMeasureSeconds / (6.0 * static_cast<double>(1 + fewer.size()));
  Best best;
  measure_batches(pipeline, seconds, best);
  for (const int streams : fewer) {
    RuntimeOptions other = runtime;
    other.streams = streams;
    measure_batches(Pipeline(pipeline.spec(), other), seconds, best);
  }
  return best.choice;
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
    if (work < kWorthMeasuring) return pipeline;
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
