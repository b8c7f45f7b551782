// SPDX-License-Identifier: Apache-2.0
#include "train/mixup.h"

#include <cmath>

namespace shoplens {

double mixup_share(double alpha, Random random) {
  // Accepted with probability Gamma(1 + alpha)^2 / Gamma(1 + 2 alpha): a half at alpha 1, more
  // below. A tiny alpha makes both powers underflow: then the one that is left decides.
  for (;;) {
    const double u = random.uniform(), v = random.uniform();
    const double x = std::pow(u, 1 / alpha), y = std::pow(v, 1 / alpha);
    if (x + y > 1) continue;
    return x + y > 0 ? x / (x + y) : (u > v ? 1 : 0);
  }
}

}  // namespace shoplens
