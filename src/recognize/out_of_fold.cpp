// SPDX-License-Identifier: Apache-2.0
#include "recognize/out_of_fold.h"

#include <algorithm>
#include <span>
#include <unordered_set>

#include "core/error.h"
#include "data/folds.h"
#include "index/vector_index.h"

namespace shoplens {
namespace {

// "network 3 (mobilenetv2_100)"
std::string name_of(const std::vector<ModelInfo>& models, std::size_t model) {
  return join("network ", model + 1, " (", models[model].arch, ")");
}

// The photos of the list that a network was not trained on.
std::vector<std::string> held_out_from(const std::vector<ModelInfo>& models, std::size_t model,
                                       const Manifest& list) {
  const auto& fold = models[model].held_out;
  if (!fold)
    throw Error(ErrorCode::kBadInput,
                join("index tune: want networks that were each trained without a fold, ",
                     name_of(models, model), " was not"),
                "`shoplens train --folds` trains such networks and writes down what each did not "
                "see; --data takes photos that no network saw");
  const std::vector<int> fold_of = split_folds(list, fold->folds, fold->seed, fold->group_column);
  std::vector<std::string> held_out;
  for (std::size_t row = 0; row < list.size(); ++row)
    if (fold_of[row] == fold->fold) held_out.push_back(list.names[row]);
  if (names_hash(held_out) != fold->photos_hash)
    throw Error(ErrorCode::kBadInput,
                join("index tune: want the list that ", name_of(models, model),
                     " was trained on, got another (", list.source.string(), ")"),
                "its folds can be told from that list alone, with the same photos in the same "
                "order");
  return held_out;
}

// The models' parts of a gallery's vector, of length 1 together.
std::vector<float> columns_of(std::span<const float> row, const std::vector<std::size_t>& models,
                              const std::vector<Block>& blocks) {
  std::vector<float> out;
  std::size_t at = 0, next = 0;
  for (std::size_t model = 0; model < blocks.size(); ++model) {
    const auto dim = static_cast<std::size_t>(blocks[model].dim);
    if (next < models.size() && models[next] == model) {
      const auto part = row.subspan(at, dim);
      out.insert(out.end(), part.begin(), part.end());
      ++next;
    }
    at += dim;
  }
  l2_normalize(out, static_cast<int>(out.size()));
  return out;
}

}  // namespace

OutOfFold::OutOfFold(const GalleryContent& gallery, const std::vector<ModelInfo>& models,
                     const Manifest& list) {
  // Folds in the order of the first network that did not see them.
  std::vector<Names> held_out;
  for (std::size_t model = 0; model < models.size(); ++model) {
    blocks_.push_back({models[model].dim});
    Names names = held_out_from(models, model, list);
    const auto fold = static_cast<std::size_t>(std::find(held_out.begin(), held_out.end(), names) -
                                               held_out.begin());
    if (fold == held_out.size()) {
      held_out.push_back(std::move(names));
      folds_.emplace_back();
    }
    folds_[fold].models.push_back(model);
  }
  check_alike(models);
  for (std::size_t place = 0; place < folds_[0].models.size(); ++place) {
    alike_.emplace_back();
    for (const Fold& fold : folds_) alike_.back().push_back(fold.models[place]);
  }
  for (std::size_t fold = 0; fold < folds_.size(); ++fold)
    fill(folds_[fold], held_out[fold], gallery, list);
}

void OutOfFold::check_alike(const std::vector<ModelInfo>& models) const {
  const auto archs = [&](const Fold& fold) {
    Names names;
    for (const std::size_t model : fold.models) names.push_back(models[model].arch);
    return names;
  };
  for (const Fold& fold : folds_)
    if (folds_.size() < 2 || archs(fold) != archs(folds_[0]))
      throw Error(
          ErrorCode::kBadInput,
          join("index tune: want networks of the same architectures, in the same order, for "
               "each of two folds or more, got ",
               name_of(models, folds_[0].models[0]), " of one fold with ",
               folds_[0].models.size() - 1, " others and ", name_of(models, fold.models[0]),
               " with ", fold.models.size() - 1),
          "train all of them on all folds of one list, with one --seed");
}

void OutOfFold::fill(Fold& fold, const Names& held_out, const GalleryContent& gallery,
                     const Manifest& list) const {
  const std::unordered_set<std::string> listed(list.names.begin(), list.names.end()),
      held(held_out.begin(), held_out.end());
  const auto width = static_cast<std::size_t>(dim_of(blocks_));
  const std::size_t step = (gallery.items.size() + kMostAsked - 1) / kMostAsked;
  std::size_t seen = 0;
  for (std::size_t i = 0; i < gallery.items.size(); ++i) {
    const GalleryItem& item = gallery.items[i];
    if (!listed.contains(item.path)) continue;
    const bool asked = held.contains(item.path);
    if (asked && seen++ % step != 0) continue;
    const auto row =
        columns_of(std::span(gallery.vectors).subspan(i * width, width), fold.models, blocks_);
    auto& vectors = asked ? fold.asked.embeddings : fold.others.vectors;
    vectors.insert(vectors.end(), row.begin(), row.end());
    if (asked) {
      fold.asked.photos.push_back(static_cast<std::int64_t>(fold.list.labels.size()));
      fold.list.labels.push_back(item.label);
    } else {
      fold.others.items.push_back(item);
    }
    fold.asked.dim = static_cast<int>(row.size());
  }
  if (fold.asked.photos.empty() || fold.others.items.empty())
    throw Error(ErrorCode::kBadInput,
                join("index tune: want the networks' training photos in the gallery, of a fold it "
                     "has ",
                     fold.asked.photos.size(), " and of the others ", fold.others.items.size(),
                     " (", list.source.string(), ")"),
                "the gallery's paths are compared with those of the list");
}

std::vector<TunePart> OutOfFold::parts() const {
  std::vector<TunePart> parts;
  for (const Fold& fold : folds_) {
    std::vector<Block> blocks;
    for (const std::size_t model : fold.models) blocks.push_back(blocks_[model]);
    parts.push_back({fold.others, blocks, fold.models, fold.list, fold.asked});
  }
  return parts;
}

}  // namespace shoplens
