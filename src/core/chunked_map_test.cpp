// SPDX-License-Identifier: Apache-2.0
#include "core/chunked_map.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "core/random.h"

namespace shoplens {
namespace {

using Map = ChunkedMap<std::string, int>;

void expect_equal(const Map& map, const std::map<std::string, int>& want) {
  EXPECT_EQ(map.size(), want.size());
  for (int key = 0; key < 2000; ++key) {
    const int* const value = map.find(std::to_string(key));
    const auto wanted = want.find(std::to_string(key));
    ASSERT_EQ(value != nullptr, wanted != want.end()) << key;
    if (value) {
      EXPECT_EQ(*value, wanted->second);
    }
  }
}

TEST(ChunkedMap, IsWhatAMapIsAndCopiesStay) {
  Random random{1};
  Map map;
  std::map<std::string, int> want;
  std::vector<std::pair<Map, std::map<std::string, int>>> copies;
  for (int change = 0; change < 12000; ++change) {
    if (change % 1000 == 0) copies.emplace_back(map, want);
    const std::string key = std::to_string(random.integer(0, 1999));
    if (random.integer(0, change < 6000 ? 3 : 1) > 0)
      map[key] = want[key] = change;
    else
      EXPECT_EQ(map.erase(key), want.erase(key) > 0);
  }
  expect_equal(map, want);
  for (const auto& [copy, as_it_was] : copies) expect_equal(copy, as_it_was);
  for (int key = 0; key < 2000; ++key) map.erase(std::to_string(key));
  expect_equal(map, {});
  map["7"] = 7;
  expect_equal(map, {{"7", 7}});
}

TEST(ChunkedMap, TakesKeysInAnyOrder) {
  ChunkedMap<int, int> up, down;
  for (int i = 0; i < 3000; ++i) up[i] = down[2999 - i] = i;
  for (int i = 0; i < 3000; ++i) {
    EXPECT_EQ(*up.find(i), i);
    EXPECT_EQ(*down.find(i), 2999 - i);
  }
  int next = 0;
  up.for_each([&](int key, int value) {
    EXPECT_EQ(key, next);
    EXPECT_EQ(value, next++);
  });
  EXPECT_EQ(next, 3000);
  EXPECT_EQ(up.find(-1), nullptr);
  EXPECT_EQ(up.find(3000), nullptr);
}

}  // namespace
}  // namespace shoplens
