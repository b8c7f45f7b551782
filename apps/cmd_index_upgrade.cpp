// SPDX-License-Identifier: Apache-2.0
// index upgrade: another model for a gallery, also while it is served.
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/embedding.h"
#include "core/log.h"
#include "recognize/upgrade.h"

namespace shoplens {
namespace {

struct IndexUpgradeOptions {
  std::string gallery = "gallery.db";
  NetworkOptions network;
  bool drop_unreadable = false, json = false;

  template <class V>
  void visit(V& v) {
    v(gallery, "gallery", "gallery to give another model; a server may be running on it");
    network.visit(v);
    v(drop_unreadable, "drop-unreadable",
      "remove items whose photo cannot be read; without it they keep the gallery at its old model");
    v(json, "json", "print one JSON document");
  }
};

Json unreadable_json(const UpgradeResult& result) {
  Json list = Json::array();
  for (const auto& [item, error] : result.unreadable)
    list.push_back({{"id", item.id}, {"path", item.path}, {"error", error_json(error)}});
  return list;
}

int upgrade(const IndexUpgradeOptions& o) {
  Gallery gallery(o.gallery);
  const bool calibrated = !gallery.note("calibration").empty();
  const auto next =
      open_pipeline("index upgrade", o.network, static_cast<std::size_t>(gallery.size()));
  UpgradeOptions upgrading;
  if (o.network.batch_size > 0) upgrading.batch_size = o.network.batch_size;
  upgrading.drop_unreadable = o.drop_unreadable;
  UpgradeResult result;
  {
    Progress bar("photos", gallery.size());
    std::int64_t shown = 0;
    result = upgrade_gallery(gallery, *next, upgrading, [&](std::int64_t done, std::int64_t) {
      bar.advance(done - std::exchange(shown, done));
      return true;
    });
  }
  for (const auto& [item, error] : result.unreadable) log_warning(error.what());
  if (o.json)
    print_json({{"gallery", o.gallery},
                {"switched", result.switched},
                {"embedded", result.embedded},
                {"model", gallery.model().fingerprint},
                {"items", gallery.size()},
                {"unreadable", unreadable_json(result)}});
  else
    std::cout << o.gallery << ": " << result.embedded << " photos embedded, "
              << (result.switched ? "switched to " : "still at ") << gallery.model().arch << " "
              << gallery.model().fingerprint.substr(0, 12) << '\n';
  if (!result.switched)
    throw Error(ErrorCode::kBadInput,
                join("index upgrade: want every photo, ", result.unreadable.size(),
                     " could not be read, so the gallery keeps its model (", o.gallery, ")"),
                "put the files back and run it again, which goes on from here; or remove those "
                "items with --drop-unreadable");
  if (calibrated)
    log_info("no answer is \"unknown\" until `shoplens calibrate` has been run for the new model");
  return 0;
}

}  // namespace

Command index_upgrade_command() {
  return command<IndexUpgradeOptions>(
      "index upgrade", "give a gallery another model, beside what it answers meanwhile", upgrade);
}

}  // namespace shoplens
