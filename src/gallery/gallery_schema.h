// SPDX-License-Identifier: Apache-2.0
// gallery.db's tables, magic and version; docs/formats.md describes them.
#pragma once
#include <filesystem>
#include <memory>

#include "gallery/sqlite.h"

namespace shoplens {

inline constexpr std::int64_t kGalleryMagic = 0x53684c67;  // "ShLg", SQLite's application_id
inline constexpr std::int64_t kGalleryVersion = 3;         // SQLite's user_version

/// Makes the empty tables in a new database, with magic and version, in WAL mode.
void create_schema(const Database& database);

/// Opens a gallery. Throws kNotFound when it is absent, kBadInput for a folder or a database that
/// is no gallery, kCorrupt for a file that is no database, kUnsupported for another version (but 2,
/// which is brought to 3); each names the file.
std::unique_ptr<Database> open_gallery_database(const std::filesystem::path& path);

}  // namespace shoplens
