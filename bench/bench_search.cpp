// SPDX-License-Identifier: Apache-2.0
// Exact search for a comparison in turn with other programs (bench/peers/search.py):
//   bench_search VECTORS.npy QUERIES.npy K [KERNEL]   (baseline, avx2, avxvnni or avx512vnni; the
//   best of this machine)
// Says "ready", then answers each line `BATCH` on stdin with one search of the next BATCH queries:
// milliseconds, then the ids found; and `0` with the GB/s at which one thread, and all of them,
// read memory.
#include <cstdio>
#include <iostream>
#include <numeric>
#include <optional>
#include <string>

#include "core/error.h"
#include "core/threads.h"
#include "data/npy.h"
#include "index/exact_index.h"
#include "timing.h"

namespace shoplens {
namespace {

// What a sum over 1 GB reaches with so many threads, GB/s.
class Stream {
 public:
  double gb_per_s(int threads) {
    std::vector<std::int64_t> sums(static_cast<std::size_t>(threads) * 8);
    const double seconds = seconds_of([&] {
      parallel_for(threads, threads, [&](std::int64_t t) {
        const auto share = static_cast<std::ptrdiff_t>(data_.size()) / threads;
        sums[static_cast<std::size_t>(t) * 8] += std::accumulate(
            data_.begin() + t * share, data_.begin() + (t + 1) * share, std::int64_t{0});
      });
    });
    check(sums[0] > 0, "stream: want a sum above 0");
    return static_cast<double>(data_.size() * sizeof data_[0]) / seconds * 1e-9;
  }

 private:
  std::vector<std::int64_t> data_ = std::vector<std::int64_t>(std::size_t{1} << 27, 1);
};

const Int8Kernel& kernel_named(const std::string& name) {
  for (const Int8Kernel* kernel : supported_int8_kernels())
    if (name == kernel->name) return *kernel;
  throw Error(ErrorCode::kBadInput, "bench_search: this machine has no kernel " + name);
}

void run(const char* vectors_path, const char* queries_path, int k, const Int8Kernel& kernel) {
  const NpyMatrix vectors = read_npy(vectors_path), queries = read_npy(queries_path);
  ExactIndex index(static_cast<int>(vectors.dim), 0, kernel);
  index.add_rows(vectors.values);
  std::optional<Stream> stream;
  std::cout << "ready" << std::endl;
  std::int64_t next = 0;
  for (std::int64_t batch; std::cin >> batch; next += batch) {
    if (batch == 0) {
      if (!stream) stream.emplace();
      std::cout << stream->gb_per_s(1) << ' ' << stream->gb_per_s(available_cores()) << std::endl;
      continue;
    }
    if (next + batch > queries.rows) next = 0;
    const auto dim = static_cast<std::size_t>(queries.dim);
    const auto part =
        std::span(queries.values)
            .subspan(static_cast<std::size_t>(next) * dim, static_cast<std::size_t>(batch) * dim);
    std::vector<std::vector<Hit>> hits;
    const double seconds = seconds_of([&] { hits = index.search(part, k); });
    std::cout << seconds * 1e3;
    for (const auto& list : hits)
      for (const Hit& hit : list) std::cout << ' ' << hit.id;
    std::cout << std::endl;
  }
}

}  // namespace
}  // namespace shoplens

int main(int argc, char** argv) {
  using namespace shoplens;
  if (argc != 4 && argc != 5) {
    std::fprintf(stderr, "usage: bench_search VECTORS.npy QUERIES.npy K [KERNEL]\n");
    return 2;
  }
  try {
    run(argv[1], argv[2], std::stoi(argv[3]),
        argc == 5 ? kernel_named(argv[4]) : *supported_int8_kernels().back());
  } catch (const Error& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 2;
  }
}
