// SPDX-License-Identifier: Apache-2.0
#include "train/training_data.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "core/hash.h"
#include "data/folds.h"
#include "data/npy.h"

namespace shoplens {
namespace {

std::string hash_of(const Manifest& manifest) {
  Sha256 hash;
  for (std::size_t i = 0; i < manifest.size(); ++i) {
    std::error_code missing;
    const auto bytes = std::filesystem::file_size(manifest.paths[i], missing);
    hash.update(join(manifest.names[i], '\t', manifest.labels[i], '\t', missing ? 0 : bytes, '\n'));
  }
  return hash.hex();
}

int fold_number(const TrainOptions& o) {
  check(o.fold.size() <= 4 && o.fold.find_first_not_of("0123456789") == std::string::npos &&
            !o.fold.empty() && std::stoi(o.fold) < o.folds,
        "train: want --fold all or a number below --folds ", o.folds, ", got ", o.fold);
  return std::stoi(o.fold);
}

std::vector<int> folds_of(const Manifest& photos, const TrainOptions& o) {
  return split_folds(photos, o.folds, static_cast<std::uint64_t>(o.seed), o.group_column);
}

// Throws unless every product has a photo outside the fold `held_out`.
void check_fold(const std::vector<int>& fold_of, int held_out, const LabelSet& labels,
                const TrainOptions& o) {
  std::set<std::int64_t> left;
  for (std::size_t row = 0; row < fold_of.size(); ++row)
    if (fold_of[row] != held_out) left.insert(labels.of_row[row]);
  if (left.size() == labels.names.size()) return;
  std::int64_t missing = 0;
  while (left.contains(missing)) ++missing;
  throw Error(
      ErrorCode::kBadInput,
      join("train: want photos of each of ", labels.names.size(), " products outside fold ",
           held_out, ", only ", left.size(), " have some (", o.data, ")"),
      join("a product needs photos in two folds at least: give more of ",
           labels.names[static_cast<std::size_t>(missing)], ", say, or leave it out of the list"));
}

void split(TrainingData& data, const TrainOptions& o) {
  const int held_out = fold_number(o);
  const std::vector<int> fold_of = folds_of(data.train, o);
  check_fold(fold_of, held_out, number_labels(data.train.labels), o);
  std::vector<std::int64_t> inside, outside;
  for (std::size_t row = 0; row < fold_of.size(); ++row)
    (fold_of[row] == held_out ? inside : outside).push_back(static_cast<std::int64_t>(row));
  if (o.teacher.empty())  // which may have seen them all
    data.held_out = {held_out, o.folds, static_cast<std::uint32_t>(o.seed),
                     split_hash(data.train, o.group_column), o.group_column};
  if (o.val.empty()) data.val = select_rows(data.train, inside);
  data.train = select_rows(data.train, outside);
}

// The teacher's rows in the order of the training photos, found by their names in the CSV beside
// the .npy.
void read_teacher(TrainingData& data, const std::filesystem::path& file) {
  const NpyMatrix matrix = read_npy(file);
  const Manifest rows =
      read_manifest(std::filesystem::path(file).replace_extension(".csv"), /*want_labels=*/false);
  check(rows.size() == static_cast<std::size_t>(matrix.rows), "train: want a row of ",
        rows.source.string(), " for each of ", matrix.rows, " embeddings, got ", rows.size());
  const auto places = places_among(data.train.names, rows.names);
  data.teacher_dim = static_cast<int>(matrix.dim);
  data.teacher.assign(data.train.size() * static_cast<std::size_t>(matrix.dim), 0);
  std::size_t missing = 0;
  for (std::size_t i = 0; i < places.size(); ++i)
    if (places[i] >= 0)
      std::copy_n(matrix.values.begin() + places[i] * matrix.dim, matrix.dim,
                  data.teacher.begin() + static_cast<std::ptrdiff_t>(i) * matrix.dim);
    else
      ++missing;
  if (20 * missing > places.size())
    throw Error(ErrorCode::kBadInput,
                join("train: want the teacher's embeddings of the training photos, ", missing,
                     " of ", places.size(), " have none (", file.string(), ")"),
                "embed the list of --data, under the same paths");
}

}  // namespace

TrainingData read_training_data(const TrainOptions& o) {
  TrainingData data;
  data.train = read_manifest(o.data);
  if (!o.val.empty()) data.val = read_manifest(o.val);
  std::map<std::string, std::int64_t> listed;
  for (const std::string& label : data.train.labels) ++listed[label];
  if (o.folds > 0) split(data, o);
  data.labels = number_labels(data.train.labels);
  for (const std::string& name : data.labels.names) data.listed.push_back(listed[name]);
  data.val_labels = places_among(data.val.labels, data.labels.names);
  data.hash = hash_of(data.train);
  if (data.val.size() > 0) data.hash = sha256_hex(data.hash + hash_of(data.val));
  if (!o.teacher.empty()) {
    read_teacher(data, o.teacher);
    data.hash =
        sha256_hex(data.hash + sha256_hex({reinterpret_cast<const char*>(data.teacher.data()),
                                           data.teacher.size() * sizeof(float)}));
  }
  return data;
}

void check_every_fold(const TrainOptions& o) {
  const Manifest photos = read_manifest(o.data);
  const std::vector<int> fold_of = folds_of(photos, o);
  const LabelSet labels = number_labels(photos.labels);
  for (int fold = 0; fold < o.folds; ++fold) check_fold(fold_of, fold, labels, o);
}

std::vector<std::int64_t> count_labels(const LabelSet& labels) {
  std::vector<std::int64_t> counts(labels.names.size(), 0);
  for (const std::int64_t label : labels.of_row) ++counts[static_cast<std::size_t>(label)];
  return counts;
}

}  // namespace shoplens
