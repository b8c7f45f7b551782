// SPDX-License-Identifier: Apache-2.0
#include "recognize/upgrade.h"

#include <algorithm>

#include "core/threads.h"
#include "gallery/gallery_file.h"

namespace shoplens {
namespace {

struct Batch {
  std::vector<GalleryItem> items;  // that could be read
  std::vector<std::string> photos;
  std::vector<float> vectors;
  std::vector<std::pair<GalleryItem, Error>> unreadable;
};

Batch read_batch(const Gallery& gallery, std::span<const GalleryItem> items,
                 const DecodeLimits& limits) {
  Batch batch;
  for (const GalleryItem& item : items) {
    try {
      batch.photos.push_back(gallery.photo_bytes(item, limits.max_bytes));
      batch.items.push_back(item);
    } catch (const Error& e) {
      if (e.code == ErrorCode::kIo) throw;  // the disk fails, not the photo
      batch.unreadable.emplace_back(item, e);
    }
  }
  return batch;
}

void embed_batch(const Pipeline& next, const DecodeLimits& limits, Batch& batch) {
  std::vector<GalleryItem> sound;
  std::vector<float> prepared;
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    try {
      SourceImage photo(batch.photos[i], batch.items[i].path, limits);
      prepared.resize((sound.size() + 1) * next.floats_per_photo());
      next.prepare(photo, prepared.data() + sound.size() * next.floats_per_photo());
      sound.push_back(batch.items[i]);
    } catch (const Error& e) {
      batch.unreadable.emplace_back(batch.items[i], e);
    }
  }
  batch.items = std::move(sound);
  const auto n = static_cast<std::int64_t>(batch.items.size());
  batch.vectors.resize(batch.items.size() * static_cast<std::size_t>(next.dim()));
  const std::int64_t call = next.batch_size();
  std::vector<float> class_probabilities(static_cast<std::size_t>(call) * next.classes().size());
  for (std::int64_t at = 0; at < n; at += call)
    next.embed(prepared.data() + static_cast<std::size_t>(at) * next.floats_per_photo(),
               std::min(call, n - at), batch.vectors.data() + at * next.dim(),
               class_probabilities.data());
}

PipelineSpec spec_of(const Gallery& gallery, const Pipeline& next) {
  PipelineSpec spec = next.spec();
  const PipelineSpec before = pipeline_of(gallery);
  spec.whiten = 0;
  spec.ranking = before.ranking;
  if (before.decide.vote != Vote::kClasses || !next.network(0).info().classes.empty())
    spec.decide = before.decide;
  for (PipelineModel& model : spec.models)
    model.path = relative_to_gallery(model.path, gallery.path());
  return spec;
}

}  // namespace

UpgradeResult upgrade_gallery(Gallery& gallery, const Pipeline& next, const UpgradeOptions& options,
                              const UpgradeProgress& progress) {
  const PipelineSpec spec = spec_of(gallery, next);
  gallery.begin_upgrade({next.fingerprint(), next.arch(), next.dim(), spec.models[0].path});
  UpgradeResult result;
  std::int64_t after = 0;  // items up to here were tried
  std::vector<std::int64_t> unreadable;
  const auto threads = static_cast<std::size_t>(next.streams());
  while (true) {
    if (!progress(result.embedded + static_cast<std::int64_t>(unreadable.size()),
                  result.embedded + gallery.count_to_upgrade()))
      return result;
    const auto items = gallery.items_to_upgrade(
        after, static_cast<std::int64_t>(threads) * std::int64_t{options.batch_size});
    if (items.empty()) {
      if (!unreadable.empty() && !options.drop_unreadable) return result;
      bool tried = false;
      options.last_step([&] {
        tried = true;
        result.switched = gallery.finish_upgrade(
            next.fingerprint(), {{"pipeline", to_toml(spec)}, {"calibration", ""}}, unreadable);
      });
      if (result.switched || !tried) return result;
      continue;  // an item was added just now
    }
    after = items.back().id;
    std::vector<Batch> batches;
    for (std::size_t at = 0; at < items.size(); at += static_cast<std::size_t>(options.batch_size))
      batches.push_back(read_batch(
          gallery,
          std::span(items).subspan(
              at, std::min(static_cast<std::size_t>(options.batch_size), items.size() - at)),
          options.decode));
    parallel_for(static_cast<std::int64_t>(batches.size()), static_cast<int>(threads),
                 [&](std::int64_t i) {
                   embed_batch(next, options.decode, batches[static_cast<std::size_t>(i)]);
                 });
    for (Batch& batch : batches) {
      const auto write = [&](Gallery& to) {
        to.add_upgraded(next.fingerprint(), batch.items, batch.vectors);
      };
      options.write ? options.write(write) : write(gallery);
      result.embedded += static_cast<std::int64_t>(batch.items.size());
      for (auto& failed : batch.unreadable) {
        unreadable.push_back(failed.first.id);
        result.unreadable.push_back(std::move(failed));
      }
    }
  }
}

}  // namespace shoplens
