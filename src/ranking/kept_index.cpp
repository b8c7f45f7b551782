// SPDX-License-Identifier: Apache-2.0
#include "ranking/kept_index.h"

#include <chrono>
#include <functional>
#include <future>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "core/log.h"

namespace shoplens {
namespace fs = std::filesystem;
namespace {

std::string key_of(const VectorSource& vectors, int dim, double recall) {
  Sha256 hash;
  hash.update(join("dim ", dim, ", recall ", recall, '\n'));
  vectors.read([&](std::span<const float> some) {
    hash.update({reinterpret_cast<const char*>(some.data()), some.size_bytes()});
  });
  return hash.hex();
}

std::optional<ApproximateIndex> load(const fs::path& file, const std::function<std::string()>& key,
                                     int threads) {
  try {
    return ApproximateIndex::load(file, key, threads);
  } catch (const Error& e) {
    log_warning(e.what(), "; it is made again");
    return std::nullopt;
  }
}

// The vectors of the index that is returned are in the file, and no longer in memory.
ApproximateIndex keep(ApproximateIndex index, const fs::path& file, const std::string& key,
                      int threads) {
  try {
    index.save(file, key);
  } catch (const Error& e) {
    log_warning("the index is made again next time: ", e.what());
    return index;
  }
  auto kept = load(file, [&] { return key; }, threads);
  return kept ? *std::move(kept) : std::move(index);
}

}  // namespace

ApproximateIndex kept_index(VectorSource vectors, int dim, double recall, int threads,
                            const fs::path& file) {
  // The vectors are hashed while the file is read.
  const std::shared_future<std::string> key =
      std::async(std::launch::async, [&] { return key_of(vectors, dim, recall); });
  const auto tell = [](const ApproximateIndex& index, const std::string& made) {
    log_info("index of ", index.size(), " vectors ", made, ": a search looks into ", index.probes(),
             " of ", index.cells(), " cells and finds ", index.recall(), " of the nearest");
  };
  const auto key_or_none = [&] {
    try {
      return key.get();
    } catch (const Error&) {  // no fault of the file's
      return std::string();
    }
  };
  if (auto kept = load(file, key_or_none, threads)) {
    tell(*kept, "from " + file.string());
    return *std::move(kept);
  }
  key.get();  // throws again
  const auto start = std::chrono::steady_clock::now();
  const fs::path folder = file.has_parent_path() ? file.parent_path() : ".";
  ApproximateIndex index(vectors.share(folder), dim, {.recall = recall}, threads);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  tell(index, join("made in ", took.count(), " s"));
  return keep(std::move(index), file, key.get(), threads);
}

}  // namespace shoplens
