// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

namespace shoplens {

/// The order in which one epoch of training visits `size` samples: 0..size-1 shuffled
/// (Fisher-Yates) by the stream Random{seed, epoch}. The same on every machine and after a resume;
/// each epoch has its own.
std::vector<std::int64_t> shuffled_order(std::int64_t size, std::uint64_t seed,
                                         std::uint64_t epoch);

/// 0, 1, ..., size-1: what validation, embed and predict visit.
std::vector<std::int64_t> sequential_order(std::int64_t size);

}  // namespace shoplens
