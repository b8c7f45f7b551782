// SPDX-License-Identifier: Apache-2.0
#include "apps/json_output.h"

#include <iostream>
#include <nlohmann/json.hpp>

namespace shoplens {

Json error_json(const Error& error) {
  return {{"code", error_code_name(error.code)}, {"message", error.what()}, {"hint", error.hint}};
}

void print_json(const Json& json) {
  std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace shoplens
