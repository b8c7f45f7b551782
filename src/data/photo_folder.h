// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace shoplens {

/// Whether the name ends in .jpg, .jpeg, .png or .webp, in any case.
bool is_photo_name(const std::filesystem::path& path);

/// The photos under a folder at any depth, one by one, as names relative to it, sorted byte by
/// byte. Hidden files and folders are skipped. A link to a folder is followed right in the folder
/// only, where it is a class: deeper ones could lead round in a circle. Holds the listings of the
/// folders on the way to the photo it is at, never the whole tree's.
class PhotoFolder {
 public:
  explicit PhotoFolder(std::filesystem::path folder);

  /// Nothing after the last. Throws kIo that names a folder that cannot be listed.
  std::optional<std::string> next();

 private:
  // A folder that is being walked: its entries yet to come, last first; a folder's ends in a slash.
  struct Level {
    std::string prefix;
    std::vector<std::string> entries;
  };
  void enter(const std::string& prefix);

  std::filesystem::path folder_;
  std::vector<Level> levels_;
};

}  // namespace shoplens
