// SPDX-License-Identifier: Apache-2.0
#include "apps/recipes.h"

#include "core/error.h"
#include "core/options.h"

namespace shoplens {

std::string Recipe::summary() const {
  const std::size_t begin = text.find_first_not_of("# "), end = text.find('\n');
  return begin < end ? text.substr(begin, end - begin) : "";
}

const Recipe& find_recipe(const std::string& name) {
  std::vector<std::string> names;
  std::string list;
  for (const Recipe& recipe : recipes()) {
    if (recipe.name == name) return recipe;
    names.push_back(recipe.name);
    list += (list.empty() ? "" : ", ") + recipe.name;
  }
  const std::string near = nearest_name(name, names);
  throw Error(ErrorCode::kBadInput, join("train: want a recipe, one of ", list, ", got ", name),
              near.empty() ? "a TOML file of your own is given with --config"
                           : "did you mean " + near + "?");
}

}  // namespace shoplens
