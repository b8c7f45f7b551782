// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "recognize/calibrate.h"

namespace shoplens {

/// An SVG picture of the outcomes: the ROC curve of known photos against strangers with the point
/// that was chosen, and how often an answer of each probability is right.
std::string calibration_svg(const std::vector<Outcome>& outcomes, const OpenSetReport& report);

}  // namespace shoplens
