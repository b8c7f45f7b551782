// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"

namespace shoplens {

/// One photo that could not be loaded.
struct SampleError {
  std::int64_t sample;
  Error error;
};

/// Consecutive samples of the order, loaded. Samples that failed are in `errors` and not in the
/// rest.
struct Batch {
  std::vector<std::int64_t> samples;  // [n], in the order asked for
  std::span<float> data;              // [n, floats_per_sample], in `memory`
  std::vector<SampleError> errors;
  std::shared_ptr<float[]> memory;
};

struct LoaderOptions {
  int batch_size = 32;
  int threads = 2;
  int prefetch = 4;        // batches loaded or loading ahead; bounds the memory
  bool drop_last = false;  // leave out a last batch that the order does not fill
  // Where batches lie; null: on the heap.
  std::function<std::shared_ptr<float[]>(std::size_t floats)> allocate = nullptr;
};

/// The samples 0, 1, ..., count - 1, without a list of them.
struct Sequence {
  explicit Sequence(std::size_t n) : count(n) {}
  std::size_t count;
};

/// Loads samples ahead on its own threads and hands them out in batches, in the given order, so
/// that whoever consumes them (a training step, a network) does not wait. What a batch holds
/// depends on the order and `load` alone, never on the number of threads or their timing. The
/// threads share out samples, not batches, so the first batch is ready as soon as all of them
/// together can make it. One consumer.
class Loader {
 public:
  /// `load(sample, out)` writes floats_per_sample floats; called from many threads at once. An
  /// Error it throws fails that sample alone; any other exception is rethrown by next(), in the
  /// failed batch's place and ever after.
  using Load = std::function<void(std::int64_t sample, float* out)>;
  Loader(std::vector<std::int64_t> order, std::size_t floats_per_sample, Load load,
         const LoaderOptions& options);
  Loader(Sequence samples, std::size_t floats_per_sample, Load load, const LoaderOptions& options);
  ~Loader();  // stops the threads, also in the middle; waits for at most one sample a thread
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next batch; nothing after the last.
  std::optional<Batch> next();

  /// Whether next() would not wait.
  bool is_ready() const;

  /// Takes a batch's memory back for a later one: fresh memory costs page faults, 19 MB of them for
  /// 32 photos at 224.
  void recycle(Batch&& batch);

  /// Seconds that next() has spent waiting for a batch that was not ready.
  double wait_seconds() const;

 private:
  void start(std::size_t count, std::vector<std::int64_t> order, std::size_t floats_per_sample,
             Load load, const LoaderOptions& options);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace shoplens
