// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>

#include "index/approximate_index.h"
#include "index/vector_source.h"

namespace shoplens {

/// The approximate index of vectors [n, dim]: that of `file`, when it was made from the very same
/// vectors for the same recall, or else one made now and written there for the next time. A file
/// that is damaged is made again, one that cannot be written is done without; the log says so.
/// Vectors from elsewhere are not in memory all at once (VectorSource::share).
ApproximateIndex kept_index(VectorSource vectors, int dim, double recall, int threads,
                            const std::filesystem::path& file);

}  // namespace shoplens
