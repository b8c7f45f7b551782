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

/// The same for losses that compare photos of a batch: runs of `m` photos of one label, in rounds
/// of a run of each label where all have as many photos. A batch of P * m that lies within a round
/// has P labels (Hermans et al. 2017, arXiv:1703.07737, "PK batches"), one that begins in a round
/// and ends in the next may have a label twice; a label of more photos comes more often, all
/// through the epoch. of_row[i] is row i's label, 0..K-1. Each label gives n / m whole runs, at
/// least one: a label with fewer than m photos repeats them. The length is the same every epoch.
std::vector<std::int64_t> runs_of_label_order(const std::vector<std::int64_t>& of_row, int m,
                                              std::uint64_t seed, std::uint64_t epoch);

/// An order of 0..size-1 with the visits of a sample told apart: the k-th (k = 0, 1, ...) of sample
/// s becomes s + k * size, so that the copies of a photo can each be augmented in its own way. The
/// remainder by `size` is the sample; an order without repeats stays as it is.
std::vector<std::int64_t> number_visits(std::vector<std::int64_t> order, std::int64_t size);

/// 0, 1, ..., size-1: what validation, embed and predict visit.
std::vector<std::int64_t> sequential_order(std::int64_t size);

}  // namespace shoplens
