// SPDX-License-Identifier: Apache-2.0
// What --json prints: one document on stdout.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "core/error.h"

namespace shoplens {

using Json = nlohmann::ordered_json;

/// {code, message, hint}
Json error_json(const Error& error);

/// A file name need not be UTF-8; what is not is replaced.
void print_json(const Json& json);

}  // namespace shoplens
