// SPDX-License-Identifier: Apache-2.0
// How many photos go into one network call and how many calls run side by side, so that most
// photos get through. Which is best depends on network and machine: a core often takes each photo
// fastest alone, as its caches hold what passes between layers; a device with its own memory wants
// many at once.
#pragma once
#include <memory>
#include <optional>

#include "recognize/pipeline.h"

namespace shoplens {

struct Throughput {
  int batch_size = 1, streams = 1;
  bool operator==(const Throughput&) const = default;
};

/// What `seconds` of work on made-up pixels says: photos a second, in calls of `batch_size` photos
/// on every stream of the pipeline, at least one on each.
double photos_per_second(const Pipeline& pipeline, int batch_size, double seconds);

/// The fastest of batches of 1, 4, 16 and 32 photos on a stream for each thread and, for a single
/// network, on half as many and on one; a photo a call on a stream a thread unless another is
/// clearly faster. Several networks push each other's weights out of the caches: more photos a call
/// fetch them less often, and to open all of them again would take longer than it gains. `pipeline`
/// is what `runtime` opens, with a stream for each thread. Measures for a second or two, in rounds,
/// as a machine may be busy for a moment; opening the other networks comes on top.
Throughput measure_throughput(const Pipeline& pipeline, const RuntimeOptions& runtime);

/// The pipeline opened for `photos` photos, with its streams and batch size: `fixed`, or what is
/// best for that many. For few that is one photo a call, on a stream for each up to the number of
/// threads. For many it is what was measured once and kept in the cache; when it was not yet, it is
/// measured if the photos will take so long that this pays.
std::unique_ptr<Pipeline> open_for_photos(const PipelineSpec& spec, RuntimeOptions runtime,
                                          std::size_t photos,
                                          const std::optional<Throughput>& fixed = {});

/// Streams for `photos` photos in calls of `batch_size`: one a thread, as those on a core each do
/// not wait for each other, but no more than there are calls, which would leave cores without work.
int streams_for(std::size_t photos, int batch_size, int threads);

}  // namespace shoplens
