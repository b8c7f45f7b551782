// SPDX-License-Identifier: Apache-2.0
#include "apps/recipes.h"

#include "core/options.h"

namespace shoplens {

std::string Recipe::summary() const {
  const std::size_t begin = text.find_first_not_of("# "), end = text.find('\n');
  return begin < end ? text.substr(begin, end - begin) : "";
}

const Recipe& find_recipe(const std::string& name) {
  std::vector<std::string> names;
  for (const Recipe& recipe : recipes()) {
    if (recipe.name == name) return recipe;
    names.push_back(recipe.name);
  }
  refuse_name("train: want a recipe,", name, names,
              "a TOML file of your own is given with --config");
}

}  // namespace shoplens
