// SPDX-License-Identifier: Apache-2.0
// The training recipes of recipes/*.toml, built into the program.
#pragma once
#include <string>
#include <vector>

namespace shoplens {

struct Recipe {
  std::string name;  // of the file, without .toml
  std::string text;  // TOML with the keys of `train`

  /// The file's first comment line.
  std::string summary() const;
};

const std::vector<Recipe>& recipes();

/// Throws kBadInput that names the nearest one when there is none called `name`.
const Recipe& find_recipe(const std::string& name);

}  // namespace shoplens
