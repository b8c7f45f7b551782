// SPDX-License-Identifier: Apache-2.0
// Approximate search for a comparison with other programs (bench/peers/ann.py):
//   bench_ann build VECTORS.npy INDEX K                  made for a recall@K of .99
//   bench_ann search INDEX QUERIES.npy K THREADS
//   bench_ann filter INDEX QUERIES.npy K THREADS         recall and speed where one id in 1, 10,
//                                                        100 and 1000 may be found
// The second answers each line `PROBES BATCH` on stdin with a search of all queries, BATCH at once:
// seconds, then the ids found. PROBES 0: as many as were chosen.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/mapped_file.h"
#include "data/npy.h"
#include "index/approximate_index.h"
#include "timing.h"

namespace shoplens {
namespace {

const std::string kKey(64, '0');

// The vectors stay in their file, which may be larger than memory.
SharedVectors map_npy(const std::string& path, int& dim) {
  constexpr std::size_t kHeader = 128;
  const auto file = std::make_shared<const MappedFile>(path);
  const std::string_view header = file->bytes().substr(0, kHeader);
  const auto comma = header.find(", ", header.find("'shape': ("));
  dim = std::stoi(std::string(header.substr(comma + 2, 10)));
  const auto* const values = reinterpret_cast<const float*>(file->bytes().data() + kHeader);
  return {{values, (file->bytes().size() - kHeader) / sizeof *values}, file};
}

void build(const std::string& vectors_path, const std::string& index_path, int k) {
  int dim = 0;
  const SharedVectors vectors = map_npy(vectors_path, dim);
  std::optional<ApproximateIndex> index;
  std::cout << "made in "
            << seconds_of([&] { index.emplace(vectors, dim, ApproximateOptions{.k = k}); })
            << " s, ";
  std::cout << "written in " << seconds_of([&] { index->save(index_path, kKey); })
            << " s: " << index->probes() << " of " << index->cells() << " cells, recall "
            << index->recall() << std::endl;
}

ApproximateIndex load(const std::string& path, int threads) {
  auto index = ApproximateIndex::load(path, [] { return kKey; }, threads);
  check(index.has_value(), "bench_ann: want an index of `bench_ann build` (", path, ")");
  return *std::move(index);
}

void search(const std::string& index_path, const std::string& queries_path, int k, int threads) {
  const NpyMatrix queries = read_npy(queries_path);
  ApproximateIndex index = load(index_path, threads);
  const std::int64_t chosen = index.probes();
  std::cout << "ready, " << chosen << " of " << index.cells() << " cells" << std::endl;
  for (std::int64_t probes, batch; std::cin >> probes >> batch;) {
    index.set_probes(probes > 0 ? probes : chosen);
    std::vector<std::vector<Hit>> hits;
    const auto step = static_cast<std::size_t>(batch * queries.dim);
    std::cout << seconds_of([&] {
      for (std::size_t first = 0; first < queries.values.size(); first += step)
        for (auto& list :
             index.search(std::span(queries.values)
                              .subspan(first, std::min(step, queries.values.size() - first)),
                          k))
          hits.push_back(std::move(list));
    });
    for (const auto& list : hits)
      for (const Hit& hit : list) std::cout << ' ' << hit.id;
    std::cout << std::endl;
  }
}

void filter(const std::string& index_path, const std::string& queries_path, int k, int threads) {
  const NpyMatrix queries = read_npy(queries_path);
  ApproximateIndex index = load(index_path, threads);
  const std::int64_t chosen = index.probes();
  for (const std::int64_t every : {1, 10, 100, 1000}) {
    const IdFilter allowed = [every](std::int64_t id) { return id % every == 0; };
    const auto search = [&](std::int64_t probes) {
      index.set_probes(probes);
      return index.search(queries.values, k, every == 1 ? IdFilter{} : allowed);
    };
    std::vector<std::vector<Hit>> hits;
    const double seconds = seconds_of([&] { hits = search(chosen); });
    const auto wanted = search(index.cells());
    std::size_t found = 0, all = 0;
    for (std::size_t q = 0; q < wanted.size(); ++q)
      for (const Hit& hit : wanted[q]) {
        ++all;
        found += std::find(hits[q].begin(), hits[q].end(), hit) != hits[q].end() ? 1 : 0;
      }
    std::cout << "one in " << every << ": recall@" << k << ' '
              << static_cast<double>(found) / static_cast<double>(all) << ", "
              << static_cast<double>(queries.rows) / seconds << " queries/s" << std::endl;
  }
}

}  // namespace
}  // namespace shoplens

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  try {
    if (verb == "build" && argc == 5)
      shoplens::build(argv[2], argv[3], std::stoi(argv[4]));
    else if (verb == "search" && argc == 6)
      shoplens::search(argv[2], argv[3], std::stoi(argv[4]), std::stoi(argv[5]));
    else if (verb == "filter" && argc == 6)
      shoplens::filter(argv[2], argv[3], std::stoi(argv[4]), std::stoi(argv[5]));
    else
      return std::fprintf(stderr,
                          "usage: bench_ann build VECTORS.npy INDEX K\n"
                          "       bench_ann search INDEX QUERIES.npy K THREADS\n"
                          "       bench_ann filter INDEX QUERIES.npy K THREADS\n"),
             2;
  } catch (const shoplens::Error& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 2;
  }
}
