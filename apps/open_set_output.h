// SPDX-License-Identifier: Apache-2.0
// How known products and strangers are told apart, as calibrate and eval print it.
#pragma once
#include <string>

#include "apps/json_output.h"
#include "recognize/calibrate.h"

namespace shoplens {

Json to_json(const OpenSetReport& report);
void print_text(const OpenSetReport& report, const std::string& how);

}  // namespace shoplens
