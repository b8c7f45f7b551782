// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "core/random.h"

namespace shoplens {

/// The share of the first photo in a mixture of two: a draw from Beta(alpha, alpha), alpha in (0,
/// 1]. Source: Zhang et al. 2018, arXiv:1710.09412, section 2; drawn by Jöhnk's method (1964).
double mixup_share(double alpha, Random random);

}  // namespace shoplens
