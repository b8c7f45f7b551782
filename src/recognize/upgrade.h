// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "gallery/gallery.h"
#include "image/decode.h"
#include "recognize/pipeline.h"

namespace shoplens {

struct UpgradeOptions {
  int batch_size = 16;  // photos in one transaction; the network gets its batch size of them
  bool drop_unreadable = false;  // remove items whose photo cannot be read; else they keep the
                                 // gallery at its model
  DecodeLimits decode{};
  /// Called with what keeps embeddings of the new model in the gallery; null: does it in the
  /// caller's.
  std::function<void(const std::function<void(Gallery&)>& write)> write{};
  /// Called with the switch to the new model, once all is ready: does it, or leaves it out to end
  /// the upgrade there.
  std::function<void(const std::function<void()>& make_switch)> last_step =
      [](const std::function<void()>& make_switch) { make_switch(); };
};

struct UpgradeResult {
  bool switched = false;
  std::int64_t embedded = 0;                                // in this call
  std::vector<std::pair<GalleryItem, Error>> unreadable{};  // by id
};

/// Called with how many of how many photos are done; false ends the upgrade there.
using UpgradeProgress = std::function<bool(std::int64_t done, std::int64_t total)>;

/// Gives the gallery another model: embeds every photo by `next` beside the embeddings there, while
/// the gallery answers and changes as before, then switches in one transaction. Ended at any point,
/// it goes on from there when it is called again. The vote and the ranking stay, whitening and
/// calibration were learnt for the old model and go. next.spec()'s model paths are files as they
/// can be opened now. Throws kBadInput when `next` is the gallery's model.
UpgradeResult upgrade_gallery(Gallery& gallery, const Pipeline& next, const UpgradeOptions& options,
                              const UpgradeProgress& progress);

}  // namespace shoplens
