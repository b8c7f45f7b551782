// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <string>
#include <string_view>

namespace shoplens {

/// The entries of a zip archive in memory, by name; views into `bytes`. Only stored (uncompressed)
/// entries, as torch.save writes them, with zip64 sizes; each is held against its CRC-32, where it
/// has one. Throws kCorrupt that names `name` for damage, kUnsupported for a compressed or
/// encrypted entry. Format: APPNOTE.TXT 6.3, 4.3 and 4.5.3.
std::map<std::string, std::string_view> read_zip(std::string_view bytes, const std::string& name);

}  // namespace shoplens
