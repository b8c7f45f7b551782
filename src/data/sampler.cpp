// SPDX-License-Identifier: Apache-2.0
#include "data/sampler.h"

#include <cstddef>
#include <numeric>

#include "core/random.h"

namespace shoplens {

std::vector<std::int64_t> sequential_order(std::int64_t size) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  return order;
}

std::vector<std::int64_t> shuffled_order(std::int64_t size, std::uint64_t seed,
                                         std::uint64_t epoch) {
  auto order = sequential_order(size);
  Random{seed, epoch}.shuffle(order.begin(), order.end());
  return order;
}

}  // namespace shoplens
