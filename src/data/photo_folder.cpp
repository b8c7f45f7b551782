// SPDX-License-Identifier: Apache-2.0
#include "data/photo_folder.h"

#include <algorithm>
#include <array>
#include <functional>

#include "core/error.h"

namespace shoplens {
namespace fs = std::filesystem;

bool is_photo_name(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  constexpr std::array kExtensions{".jpg", ".jpeg", ".png", ".webp"};
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

PhotoFolder::PhotoFolder(fs::path folder) : folder_(std::move(folder)) { enter(""); }

// With its slash a folder stands among its neighbours where the names of what is in it do, so each
// folder is sorted by itself and the whole comes out sorted.
void PhotoFolder::enter(const std::string& prefix) {
  Level level{prefix, {}};
  try {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / prefix)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with('.')) continue;
      const bool may_enter = levels_.empty() || !entry.is_symlink();
      if (entry.is_directory() && may_enter)
        level.entries.push_back(name + '/');
      else if (entry.is_regular_file() && is_photo_name(entry.path()))
        level.entries.push_back(name);
    }
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::kIo, join("cannot list: ", error.code().message(), " (",
                                     (folder_ / prefix).string(), ")"));
  }
  std::sort(level.entries.begin(), level.entries.end(), std::greater<>());
  levels_.push_back(std::move(level));
}

std::optional<std::string> PhotoFolder::next() {
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.entries.empty()) {
      levels_.pop_back();
      continue;
    }
    std::string name = level.prefix + level.entries.back();
    level.entries.pop_back();
    if (!name.ends_with('/')) return name;
    enter(name);  // `level` may have moved
  }
  return std::nullopt;
}

}  // namespace shoplens
