// SPDX-License-Identifier: Apache-2.0
#include "nn/drop_path.h"

#include <vector>

#include "core/error.h"

namespace shoplens {

DropPathImpl::DropPathImpl(double drop_rate) : rate(drop_rate) {
  check(rate >= 0 && rate < 1, "drop_path: want 0 <= rate < 1, got ", rate);
}

torch::Tensor DropPathImpl::forward(const torch::Tensor& x) {
  if (rate == 0 || !is_training()) return x;
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[0] = x.size(0);
  // Drawn in float and then cast, so that the same samples are dropped whatever x's type is.
  const auto keep = torch::empty(shape, x.options().dtype(torch::kFloat)).bernoulli_(1 - rate);
  return x * keep.div_(1 - rate).to(x.scalar_type());
}

Value DropPathImpl::forward(const Value& x) { return x; }

}  // namespace shoplens
