// SPDX-License-Identifier: Apache-2.0
#include "recognize/out_of_fold.h"

#include <map>
#include <set>
#include <span>
#include <unordered_map>

#include "core/error.h"
#include "data/folds.h"
#include "index/vector_index.h"

namespace shoplens {
namespace {

constexpr const char* kOneSplit =
    "train all of them on the folds of one list: with the same --folds, --seed and --group-column";

// The split that all networks were trained on, which is of this list.
HeldOutFold split_of(const std::vector<FoldNetwork>& networks, const Manifest& list) {
  const auto text = [](const HeldOutFold& f) {
    return join(f.folds, " folds, seed ", f.seed,
                f.group_column.empty() ? "" : ", groups of " + f.group_column);
  };
  for (const FoldNetwork& network : networks)
    if (!network.info.held_out)
      throw Error(
          ErrorCode::kBadInput,
          join(
              "index tune: want networks that say which fold they did not see, this one does not (",
              network.path, ")"),
          "`shoplens train --folds` writes it down, without --teacher, and `export` hands it on; "
          "files of older versions do not have it");
  const HeldOutFold& first = *networks.at(0).info.held_out;
  const std::string list_hash = split_hash(list, first.group_column);
  for (const FoldNetwork& network : networks) {
    const HeldOutFold& own = *network.info.held_out;
    if (text(own) != text(first))
      throw Error(ErrorCode::kBadInput,
                  join("index tune: want networks of the same folds, got ", text(first), " (",
                       networks[0].path, ") and ", text(own), " (", network.path, ")"),
                  kOneSplit);
    if (own.list_hash != list_hash)
      throw Error(ErrorCode::kBadInput,
                  join("index tune: want the list that ", network.path,
                       " was trained on, got another (", list.source.string(), ")"),
                  "its folds can be told from that list alone: the same photos and labels in the "
                  "same order");
  }
  return first;
}

// "mobilenetv2_100, 512-d at 224 px; efficientnet_b4, 512-d at 256 px": what makes their kinds.
std::string kinds(const std::vector<std::size_t>& models,
                  const std::vector<FoldNetwork>& networks) {
  std::string text;
  for (const std::size_t model : models) {
    const ModelInfo& info = networks[model].info;
    text += join(text.empty() ? "" : "; ", info.arch, ", ", info.dim, "-d at ",
                 info.preprocessing.size, " px");
  }
  return text;
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

OutOfFold::OutOfFold(const GalleryContent& gallery, const std::vector<FoldNetwork>& networks,
                     const Manifest& list, std::size_t most_asked) {
  const HeldOutFold split = split_of(networks, list);
  std::map<int, std::vector<std::size_t>> models;  // by the fold that they did not see
  for (std::size_t model = 0; model < networks.size(); ++model) {
    blocks_.push_back({networks[model].info.dim});
    models[networks[model].info.held_out->fold].push_back(model);
  }
  check(gallery.vectors.size() == gallery.items.size() * static_cast<std::size_t>(dim_of(blocks_)),
        "index tune: want vectors of ", dim_of(blocks_), " components, as the networks make, got ",
        gallery.vectors.size(), " floats for ", gallery.items.size(), " photos");
  for (const auto& [fold, unseeing] : models) {
    const std::string first = kinds(models.begin()->second, networks),
                      own = kinds(unseeing, networks);
    if (models.size() < 2 || own != first)
      throw Error(ErrorCode::kBadInput,
                  join("index tune: want networks of two folds at least, of the same kinds in the "
                       "same order, got for fold ",
                       models.begin()->first, " ", first,
                       models.size() < 2 ? " alone" : join(" and for fold ", fold, " ", own)),
                  kOneSplit);
    folds_.push_back({fold, unseeing, {}, {}, {}});
    folds_.back().list.source = list.source;
  }
  for (std::size_t place = 0; place < folds_[0].models.size(); ++place) {
    alike_.emplace_back();
    for (const Fold& fold : folds_) alike_.back().push_back(fold.models[place]);
  }
  const std::vector<int> fold_of = split_folds(list, split.folds, split.seed, split.group_column);
  std::unordered_map<std::string, int> by_name;
  for (std::size_t row = 0; row < list.size(); ++row) by_name[list.names[row]] = fold_of[row];
  std::vector<int> fold_of_item;
  for (const GalleryItem& item : gallery.items) {
    const auto found = by_name.find(item.path);
    fold_of_item.push_back(found == by_name.end() ? -1 : found->second);
  }
  fill(gallery, fold_of_item, most_asked);
}

void OutOfFold::fill(const GalleryContent& gallery, const std::vector<int>& fold_of,
                     std::size_t most_asked) {
  std::map<std::string, std::set<int>> folds_with;  // photos of a label
  for (std::size_t i = 0; i < fold_of.size(); ++i)
    if (fold_of[i] >= 0) folds_with[gallery.items[i].label].insert(fold_of[i]);
  const auto can_be_found = [&](std::size_t item) {
    return folds_with.at(gallery.items[item].label).size() > 1;
  };
  std::size_t all = 0, seen = 0;  // that could be asked about
  for (const Fold& fold : folds_)
    for (std::size_t i = 0; i < fold_of.size(); ++i)
      all += fold_of[i] == fold.number && can_be_found(i);
  const std::size_t step = (all + most_asked - 1) / most_asked;
  const auto width = static_cast<std::size_t>(dim_of(blocks_));
  for (Fold& fold : folds_) {
    for (std::size_t i = 0; i < fold_of.size(); ++i) {
      const bool own = fold_of[i] == fold.number;
      if (fold_of[i] < 0 || (own && (!can_be_found(i) || seen++ % step != 0))) continue;
      const auto row =
          columns_of(std::span(gallery.vectors).subspan(i * width, width), fold.models, blocks_);
      auto& vectors = own ? fold.asked.embeddings : fold.others.vectors;
      vectors.insert(vectors.end(), row.begin(), row.end());
      fold.asked.dim = static_cast<int>(row.size());
      if (own) {
        fold.asked.photos.push_back(static_cast<std::int64_t>(fold.list.labels.size()));
        fold.list.labels.push_back(gallery.items[i].label);
      } else {
        fold.others.items.push_back(gallery.items[i]);
      }
    }
    if (fold.asked.photos.empty())
      throw Error(
          ErrorCode::kBadInput,
          join("index tune: want photos of fold ", fold.number, " of ", fold.list.source.string(),
               " in the gallery, and others of their products, got none"),
          "the gallery's paths are compared with those of the list");
  }
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

std::size_t OutOfFold::photos() const {
  std::size_t photos = 0;
  for (const Fold& fold : folds_) photos += fold.asked.photos.size();
  return photos;
}

}  // namespace shoplens
