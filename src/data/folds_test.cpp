// SPDX-License-Identifier: Apache-2.0
#include "data/folds.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "core/error.h"
#include "core/hash.h"

namespace shoplens {
namespace {

template <class T>
std::vector<T> words(const std::string& line) {
  std::istringstream in(line);
  return {std::istream_iterator<T>(in), std::istream_iterator<T>()};
}

TEST(StratifiedFolds, EqualsScikitLearnToTheIndex) {
  std::ifstream golden(SHOPLENS_SOURCE_DIR "/tests/golden/data/folds.txt");
  std::string head, labels, expected;
  int cases = 0;
  while (std::getline(golden, head) && std::getline(golden, labels) &&
         std::getline(golden, expected)) {
    const auto numbers = words<std::uint64_t>(head);
    ASSERT_EQ(numbers.size(), 2u);
    EXPECT_EQ(
        stratified_folds(words<std::string>(labels), static_cast<int>(numbers[0]), numbers[1]),
        words<int>(expected))
        << head;
    ++cases;
  }
  EXPECT_EQ(cases, 6);
}

// As many photos as the contest has. Python, with scikit-learn, NumPy and hashlib:
//   y = [str((i * 7919 + i // 1000 * 131) % 1000) for i in range(48000)]
//   fold = np.empty(len(y), int)
//   for k, (_, test) in enumerate(StratifiedKFold(5, shuffle=True, random_state=9999).split(y, y)):
//     fold[test] = k
//   print(hashlib.sha256("".join(map(str, fold)).encode()).hexdigest())
TEST(StratifiedFolds, EqualsScikitLearnOnAContestsList) {
  std::vector<std::string> labels;
  for (int i = 0; i < 48000; ++i)
    labels.push_back(std::to_string((i * 7919 + i / 1000 * 131) % 1000));
  std::string digits;
  for (const int fold : stratified_folds(labels, 5, 9999)) digits += std::to_string(fold);
  EXPECT_EQ(digits.substr(0, 40), "2031330423000044102443333401104222343444");
  EXPECT_EQ(sha256_hex(digits), "fa76146d998368c3c8782fee4ce7648d4c7119581b73943d34487522747144d2");
}

TEST(StratifiedFolds, RefusesWhatCannotBeSplit) {
  EXPECT_THROW(stratified_folds({"a", "a"}, 1, 0), Error);
  EXPECT_THROW(stratified_folds({"a", "b", "c"}, 2, 0), Error);  // each label once
  EXPECT_THROW(stratified_folds({"a", "a"}, 3, 0), Error);
  EXPECT_THROW(stratified_folds({"a", "a"}, 2, 1ull << 32), Error);
}

TEST(Groups, ARowWithoutOneIsAGroupOfItsOwn) {
  Manifest manifest;
  manifest.names = {"1.jpg", "2.jpg", "3.jpg", "4.jpg"};
  const auto groups = groups_of(manifest, {"a", "", "", "a"});
  EXPECT_EQ(std::set<std::string>(groups.begin(), groups.end()).size(), 3u);
  EXPECT_EQ(groups[0], groups[3]);
}

TEST(StratifiedGroupFolds, KeepsGroupsWholeAndLabelsEven) {
  std::vector<std::string> labels, groups;
  for (int i = 0; i < 600; ++i) {  // 6 labels, 10 bursts each, of 10 photos
    labels.push_back("label" + std::to_string(i % 6));
    groups.push_back(labels.back() + "/burst" + std::to_string(i / 6 % 10));
  }
  const auto folds = stratified_group_folds(labels, groups, 5, 1);
  std::map<std::string, std::set<int>> of_group;
  std::map<std::pair<std::string, int>, int> count;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    of_group[groups[i]].insert(folds[i]);
    ++count[{labels[i], folds[i]}];
  }
  for (const auto& [group, in] : of_group) EXPECT_EQ(in.size(), 1u) << group;
  EXPECT_EQ(count.size(), 30u);
  for (const auto& [key, n] : count) EXPECT_EQ(n, 20) << key.first << " in fold " << key.second;
  EXPECT_EQ(folds, stratified_group_folds(labels, groups, 5, 1));
}

TEST(StratifiedGroupFolds, SpreadsUnevenGroups) {
  std::vector<std::string> labels, groups;
  const auto add = [&](const char* label, const char* group, int n) {
    for (int i = 0; i < n; ++i) labels.push_back(label), groups.push_back(group);
  };
  add("a", "shop1", 50), add("b", "shop1", 50), add("a", "shop2", 25), add("a", "shop3", 25);
  add("b", "shop4", 30), add("b", "shop5", 20);
  const auto folds = stratified_group_folds(labels, groups, 2, 3);
  int in_first = 0;
  for (const int fold : folds) in_first += fold == folds[0];
  EXPECT_EQ(in_first, 100);  // shop1 alone on its side
}

TEST(StratifiedGroupFolds, RefusesFewerGroupsThanFolds) {
  EXPECT_THROW(stratified_group_folds({"a", "a", "a"}, {"g", "g", "h"}, 3, 0), Error);
}

}  // namespace
}  // namespace shoplens
