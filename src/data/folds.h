// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/manifest.h"

namespace shoplens {

/// The group of each row by the values of a column; a row without one is a group of its own.
std::vector<std::string> groups_of(const Manifest& manifest,
                                   const std::vector<std::string>& column);

/// The fold, 0..folds-1, in which each row is held out: every label spread evenly over the folds.
/// Equal, to the index, to scikit-learn's StratifiedKFold(folds, shuffle=True, random_state=seed)
/// on the same labels. Throws kBadInput for fewer than 2 folds, a seed that does not fit 32 bits,
/// or when every label has fewer rows than there are folds.
/// Source: scikit-learn model_selection/_split.py, StratifiedKFold._make_test_folds.
std::vector<int> stratified_folds(const std::vector<std::string>& labels, int folds,
                                  std::uint64_t seed);

/// The same for rows that belong together: no group is spread over two folds, and labels are as
/// even as groups allow. Groups are placed one by one, those with the most uneven labels first,
/// each in the fold that keeps the label shares of the folds most alike (the greedy rule of
/// scikit-learn's StratifiedGroupKFold; ties and order are ours). Throws also when there are fewer
/// groups than folds.
std::vector<int> stratified_group_folds(const std::vector<std::string>& labels,
                                        const std::vector<std::string>& groups, int folds,
                                        std::uint64_t seed);

/// The fold that holds each photo of a list out: by labels, and, unless `group_column` is empty, by
/// groups of equal values in that column (which may be "label"). Throws also when there is no such
/// column, naming the list.
std::vector<int> split_folds(const Manifest& photos, int folds, std::uint64_t seed,
                             const std::string& group_column);

/// SHA-256 of the photos' names and all that split_folds reads of them: lists of one hash are split
/// alike. Throws as split_folds does when there is no such column.
std::string split_hash(const Manifest& photos, const std::string& group_column);

}  // namespace shoplens
