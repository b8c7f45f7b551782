// SPDX-License-Identifier: Apache-2.0
// A gallery as a whole file: made, copied, put back. Each writes a temporary beside the target and
// puts it in place in one step, so that no kill or power cut leaves a half one.
#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "gallery/gallery.h"

namespace shoplens {

/// Throws unless a gallery can be made at `path`: kNotFound without its folder, kBadInput when it
/// exists and not `overwrite`. What takes long asks before it begins.
void check_writable(const std::filesystem::path& path, bool overwrite);

/// Makes a gallery with the items and vectors [items, dim] and the notes (Gallery::note).
/// model.path is the model file as it can be opened now. Throws kBadInput when `path` exists and
/// not `overwrite`, or as Gallery::add.
void build_gallery(const std::filesystem::path& path, const GalleryModel& model,
                   const std::map<std::string, std::string>& notes,
                   std::span<const GalleryItem> items, std::span<const float> vectors,
                   bool overwrite);

/// Copies a consistent state of the gallery to `out`, also while another process writes to it; one
/// file, compact. Throws kBadInput when `out` exists and not `overwrite`.
void snapshot_gallery(const std::filesystem::path& path, const std::filesystem::path& out,
                      bool overwrite);

/// Makes `path` what the snapshot `from` is. Throws kCorrupt, naming the first fault, when `from`
/// does not verify; `path` is then untouched. A gallery at `path` is overwritten by one
/// transaction, so that open readers go on; any other file there (a gallery too damaged to open is
/// one) is kBadInput unless `force`. `try_out` is called before, with the gallery to come in a file
/// beside `path`, from where its models are found as from there; what it throws leaves `path` as it
/// is. Until then `path` may be changed by others; `last_step` is called with what puts the
/// snapshot in its place, to keep them away meanwhile.
void restore_gallery(const std::filesystem::path& from, const std::filesystem::path& path,
                     bool force, const std::function<void(const Gallery&)>& try_out = {},
                     const std::function<void(const std::function<void()>& put)>& last_step = {});

/// `file` as seen from the folder of the gallery `path`: what GalleryItem::source and
/// GalleryModel::path hold.
std::string relative_to_gallery(const std::filesystem::path& file,
                                const std::filesystem::path& path);

}  // namespace shoplens
