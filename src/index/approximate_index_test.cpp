// SPDX-License-Identifier: Apache-2.0
#include "index/approximate_index.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include "core/error.h"
#include "core/files.h"
#include "core/random.h"
#include "index/test_vectors.h"
#include "index/unseen_queries.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

constexpr int kDim = 32;
const std::string kKey(64, 'a');

// [count, kDim] of length 1, 48 about each of the products, as photos lie about theirs; products
// lie about families, so that cells have neighbours to be missed.
std::vector<float> photos(std::int64_t count, std::uint64_t seed, std::int64_t first_product = 0) {
  std::vector<float> vectors;
  Random random{seed};
  for (std::int64_t i = 0; i < count; ++i) {
    const auto product = static_cast<std::uint64_t>(first_product + i % (count / 48 + 1));
    Random family{1, product % 12}, centre{2, product};
    for (int j = 0; j < kDim; ++j)
      vectors.push_back(static_cast<float>(family.uniform(-1, 1) + centre.uniform(-.7, .7) +
                                           random.uniform(-.6, .6)));
  }
  l2_normalize(vectors, kDim);
  return vectors;
}

std::vector<std::int64_t> ids_from(std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(count));
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

ExactIndex exact_of(const std::vector<float>& vectors) {
  ExactIndex index(kDim, 2);
  index.add_rows(vectors);
  return index;
}

double recall(const std::vector<std::vector<Hit>>& found,
              const std::vector<std::vector<Hit>>& wanted) {
  double same = 0, all = 0;
  for (std::size_t q = 0; q < wanted.size(); ++q) {
    all += static_cast<double>(wanted[q].size());
    for (const Hit& hit : wanted[q])
      same += std::find(found[q].begin(), found[q].end(), hit) != found[q].end() ? 1 : 0;
  }
  return same / all;
}

TEST(ApproximateIndex, EqualsTheExactOneWhenItLooksEverywhere) {
  const auto vectors = photos(3000, 1), queries = photos(50, 2);
  ApproximateIndex index(share(vectors), kDim, {}, 2);
  const ExactIndex exact = exact_of(vectors);
  for (const int k : {1, 10, 4000}) {
    EXPECT_EQ(index.search_exactly(queries, k), exact.search(queries, k));
  }
  EXPECT_EQ(index.search(queries, 3000), exact.search(queries, 3000));  // more than the cells hold
  EXPECT_EQ(index.vectors(), vectors);
}

TEST(ApproximateIndex, ReachesTheRecallThatWasAskedForOnPhotosItHasNotSeen) {
  const auto vectors = photos(20000, 1), queries = photos(1000, 2);
  const auto wanted = exact_of(vectors).search(queries, 10);
  std::int64_t before = 0;
  for (const double target : {0.8, 0.95, 0.99, 1.0}) {
    const ApproximateIndex index(share(vectors), kDim, {.recall = target}, 2);
    EXPECT_GE(index.recall(), target);
    EXPECT_GT(recall(index.search(queries, 10), wanted), target - 0.02) << target;
    EXPECT_GE(index.probes(), before);
    before = index.probes();
  }
}

// A catalogue has many photos from one day: 16 that are nearly one, of each of 1250. Customers'
// photos are none of these. For vectors of the catalogue as queries one cell has .99 of what is
// near, in which .48 of the customers' neighbours are.
TEST(ApproximateIndex, ReachesItWhereTheCataloguesPhotosAreEasier) {
  const auto days = photos(1250, 1), customers = photos(1000, 2);
  std::vector<float> vectors;
  Random random{9};
  for (std::int64_t i = 0; i < 20000; ++i)
    for (const float x : row(days, i % 1250, kDim))
      vectors.push_back(x + static_cast<float>(random.uniform(-.03, .03)));
  l2_normalize(vectors, kDim);
  ApproximateIndex index(share(vectors), kDim, {.recall = 0.99}, 2);
  const auto wanted = exact_of(vectors).search(customers, 10);
  EXPECT_GT(recall(index.search(customers, 10), wanted), 0.98) << index.probes();
  index.set_probes(1);
  EXPECT_LT(recall(index.search(customers, 10), wanted), 0.6);
  const auto own = std::span(vectors).first(1000 * kDim);
  EXPECT_GT(recall(index.search(own, 10), index.search_exactly(own, 10)), 0.99);
}

TEST(ApproximateIndex, TellsTheRecallOfASearch) {  // of more such queries than it took
  const auto vectors = photos(900, 1), queries = unseen_queries(vectors, kDim, 4000);
  const ApproximateIndex index(share(vectors), kDim, {.recall = 0.9, .k = 5, .cells = 100}, 2);
  const auto found = index.search(queries, 5), wanted = index.search_exactly(queries, 5);
  EXPECT_NEAR(index.recall(), recall(found, wanted), 0.02);
  EXPECT_LT(index.recall(), 1);
}

TEST(ApproximateIndex, AnswersAlikeWhateverTheThreadsAndTheBatch) {
  const auto vectors = photos(3000, 1), queries = photos(300, 2);
  const ApproximateIndex one(share(vectors), kDim, {}, 1), four(share(vectors), kDim, {}, 4);
  EXPECT_EQ(one.probes(), four.probes());
  const auto together = four.search(queries, 5);
  EXPECT_EQ(together, one.search(queries, 5));
  for (std::size_t q = 0; q < 20; ++q)
    EXPECT_EQ(one.search(std::span(queries).subspan(q * kDim, kDim), 5)[0], together[q]);
}

TEST(ApproximateIndex, OfManyCellsStillReachesAllAndEachOnce) {
  const auto vectors = photos(12000, 1), queries = photos(40, 2);
  ApproximateIndex index(share(vectors), kDim, {.recall = 0.95, .k = 5, .cells = 9000}, 2);
  const auto wanted = exact_of(vectors).search(queries, 5);
  const auto found = index.search(queries, 5);
  EXPECT_GT(recall(found, wanted), 0.9);
  for (std::size_t q = 0; q < found.size(); ++q)
    EXPECT_EQ(index.search(std::span(queries).subspan(q * kDim, kDim), 5)[0], found[q]);
  index.set_probes(9000);
  EXPECT_EQ(index.search(queries, 5), wanted);
  EXPECT_EQ(index.search(queries, 12000), index.search_exactly(queries, 12000));
}

TEST(ApproximateIndex, FindsOnlyWhatIsAllowed) {
  const auto vectors = photos(3000, 1), queries = photos(40, 2);
  const ApproximateIndex index(share(vectors), kDim, {}, 2);
  const ExactIndex exact = exact_of(vectors);
  const IdFilter filters[] = {[](std::int64_t id) { return id % 63 == 5; },  // a product's photos
                              [](std::int64_t id) { return id % 2 == 0; },
                              [](std::int64_t id) { return id == 7 || id == 2999; },
                              [](std::int64_t) { return false; }};
  for (const IdFilter& allowed : filters) {
    const auto found = index.search(queries, 5, allowed),
               wanted = exact.search(queries, 5, allowed);
    for (std::size_t q = 0; q < wanted.size(); ++q) {
      EXPECT_EQ(found[q].size(), wanted[q].size());
      for (const Hit& hit : found[q]) EXPECT_TRUE(allowed(hit.id));
    }
    if (!wanted[0].empty()) {
      EXPECT_GT(recall(found, wanted), 0.97);
    }
  }
}

TEST(ApproximateIndex, FindsTheNearestOfFewThatAreScattered) {
  const auto vectors = photos(20000, 1), queries = photos(200, 2);
  const ApproximateIndex index(share(vectors), kDim, {.recall = 0.9}, 2);
  const ExactIndex exact = exact_of(vectors);
  for (const std::uint64_t every : {10, 50, 100}) {  // 64 are seen of 2000, 400 and 200
    const IdFilter allowed = [every](std::int64_t id) {
      return Random{static_cast<std::uint64_t>(id)}.next() % every == 0;
    };
    EXPECT_GT(recall(index.search(queries, 2, allowed), exact.search(queries, 2, allowed)), 0.95)
        << every;
  }
}

TEST(ApproximateIndex, AfterChangesAnswersAsIfTheyHadAlwaysBeen) {
  const auto vectors = photos(3000, 1), more = photos(1500, 3), queries = photos(100, 2);
  ApproximateIndex index(share(vectors), kDim, {}, 2);
  std::vector<std::int64_t> gone;
  for (std::int64_t id = 0; id < 3000; id += 2) gone.push_back(id);
  Random{1}.shuffle(gone.begin(), gone.end());
  EXPECT_EQ(index.remove(gone), 1500);
  EXPECT_EQ(index.remove(gone), 0);
  index.add(ids_from(5000, 1500), more);
  EXPECT_EQ(index.size(), 3000);

  ExactIndex exact(kDim, 2);
  for (std::int64_t id = 1; id < 3000; id += 2)
    exact.add(std::vector{id},
              std::span(vectors).subspan(static_cast<std::size_t>(id) * kDim, kDim));
  exact.add(ids_from(5000, 1500), more);
  EXPECT_EQ(index.search_exactly(queries, 20), exact.search(queries, 20));
  for (const std::int64_t id : {1L, 2999L, 5000L, 6499L})
    EXPECT_TRUE(std::equal(index.vector(id), index.vector(id) + kDim, exact.vector(id)));

  // Another way to the same: what is found depends on what is there and the centroids alone.
  ApproximateIndex other(share(vectors), kDim, {}, 1);
  other.add(ids_from(5000, 1500), more);
  EXPECT_EQ(other.remove(gone), 1500);
  EXPECT_EQ(index.search(queries, 20), other.search(queries, 20));
}

TEST(ApproximateIndex, KeepsItsRecallWhenHalfIsReplaced) {
  const auto vectors = photos(10000, 1), more = photos(5000, 3, 9999), queries = photos(500, 2);
  ApproximateIndex changed(share(vectors), kDim, {}, 2);
  changed.remove(ids_from(0, 5000));
  changed.add(ids_from(10000, 5000), more);
  const ApproximateIndex fresh(share(changed.vectors()), kDim, {}, 2);
  const auto share_found = [&](const ApproximateIndex& index) {
    return recall(index.search(queries, 10), index.search_exactly(queries, 10));
  };
  EXPECT_GT(share_found(changed), 0.97);
  EXPECT_NEAR(share_found(changed), share_found(fresh), 0.02);
}

TEST(ApproximateIndex, CanLoseAllAndFillAgain) {
  const auto vectors = photos(200, 1);
  ApproximateIndex index(share(vectors), kDim, {}, 2);
  EXPECT_EQ(index.remove(ids_from(0, 200)), 200);
  EXPECT_EQ(index.size(), 0);
  EXPECT_TRUE(index.search(vectors, 5)[0].empty());
  index.add(ids_from(0, 200), vectors);
  EXPECT_EQ(index.search_exactly(vectors, 5), exact_of(vectors).search(vectors, 5));
}

TEST(ApproximateIndex, ACopyStaysAsItIsWhileTheOtherChanges) {
  const auto vectors = photos(3000, 1), queries = photos(30, 2);
  ApproximateIndex index(share(vectors), kDim, {}, 1);
  const auto want = index.search(queries, 5);
  std::vector<std::jthread> readers;
  for (std::int64_t i = 0; i < 20; ++i) {
    readers.emplace_back([copy = index, now = index.search(queries, 5), &queries] {
      for (int times = 0; times < 5; ++times) EXPECT_EQ(copy.search(queries, 5), now);
    });
    index.remove(ids_from(i * 100, 50));
    index.add(ids_from(4000 + i * 50, 50),
              std::span(vectors).subspan(static_cast<std::size_t>(i) * 50 * kDim, 50 * kDim));
  }
  readers.clear();
  index.remove(ids_from(4000, 1000));
  for (std::int64_t i = 0; i < 20; ++i)
    index.add(ids_from(i * 100, 50),
              std::span(vectors).subspan(static_cast<std::size_t>(i) * 100 * kDim, 50 * kDim));
  EXPECT_EQ(index.search(queries, 5), want);
}

TEST(ApproximateIndex, AnyScaleAndZeroVectorsAreFound) {
  std::vector<float> vectors = photos(300, 1);
  for (std::size_t i = 0; i < vectors.size(); ++i)
    vectors[i] *= i / kDim % 3 == 0 ? 0 : i / kDim % 3 == 1 ? 1e12f : 1e-12f;
  const ApproximateIndex index(share(vectors), kDim, {}, 2);
  const auto queries = photos(10, 2);
  EXPECT_EQ(index.search_exactly(queries, 300), exact_of(vectors).search(queries, 300));
}

TEST(ApproximateIndex, RefusesWhatItCannotHold) {
  EXPECT_THROW(ApproximateIndex(share({}), kDim, {}), Error);
  EXPECT_THROW(ApproximateIndex(share(std::vector<float>(kDim + 1)), kDim, {}), Error);
  EXPECT_THROW(ApproximateIndex(share(photos(10, 1)), kDim, {.recall = 1.5}), Error);
  EXPECT_THROW(ApproximateIndex(share(photos(10, 1)), kDim, {.cells = 11}), Error);
  ApproximateIndex index(share(photos(10, 1)), kDim, {}, 1);
  EXPECT_THROW(index.add(std::vector<std::int64_t>{3}, photos(1, 2)), Error);
  EXPECT_THROW(index.add(std::vector<std::int64_t>{11, 11}, photos(2, 2)), Error);
  EXPECT_THROW(index.search(photos(1, 2), 0), Error);
  EXPECT_THROW(index.set_probes(0), Error);
  EXPECT_EQ(index.size(), 10);
}

class ApproximateFile : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }
  std::optional<ApproximateIndex> load(const std::string& key) const {
    return ApproximateIndex::load(path, [&] { return key; }, 2);
  }
  const fs::path folder =
      fs::temp_directory_path() / ("shoplens_cells_" + std::to_string(::getpid()));
  const fs::path path = folder / "g.db.cells";
};

TEST_F(ApproximateFile, ComesBackWithAllThatChangedAndCanChangeOn) {
  const auto vectors = photos(3000, 1), queries = photos(50, 2);
  ApproximateIndex index(share(vectors), kDim, {.recall = 0.9}, 2);
  index.remove(ids_from(100, 700));
  index.add(ids_from(9000, 40), photos(40, 3));
  index.save(path, kKey);
  auto loaded = load(kKey);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->search(queries, 9), index.search(queries, 9));
  EXPECT_EQ(loaded->recall(), index.recall());
  EXPECT_EQ(loaded->vectors(), index.vectors());
  index.save(path, kKey);  // the mapped one goes on with what it had
  fs::remove(path);
  for (ApproximateIndex* one : {&index, &*loaded}) {
    one->remove(ids_from(1000, 1100));
    one->add(ids_from(20000, 30), photos(30, 4));
  }
  EXPECT_EQ(loaded->search(queries, 9), index.search(queries, 9));
}

TEST_F(ApproximateFile, ComesBackWithFewerVectorsThanCellsAndWithNone) {
  const auto queries = photos(20, 2), more = photos(30, 3);
  ApproximateIndex index(share(photos(3000, 1)), kDim, {}, 2);
  for (const std::int64_t left : {7, 0}) {
    index.remove(ids_from(left, index.size() - left));
    ASSERT_EQ(index.size(), left);
    ASSERT_LT(left, index.cells());
    index.save(path, kKey);
    auto loaded = load(kKey);
    ASSERT_TRUE(loaded) << left;
    EXPECT_EQ(loaded->size(), left);
    EXPECT_EQ(loaded->cells(), index.cells());
    EXPECT_EQ(loaded->vectors(), index.vectors());
    EXPECT_EQ(loaded->search(queries, 9), index.search(queries, 9));
    ApproximateIndex grown = index;
    for (ApproximateIndex* one : {&grown, &*loaded}) one->add(ids_from(5000, 30), more);
    EXPECT_EQ(loaded->search(queries, 9), grown.search(queries, 9));
  }
}

TEST_F(ApproximateFile, IsNothingWhenAbsentOrOfAnotherKey) {
  EXPECT_FALSE(load(kKey));
  ApproximateIndex(share(photos(50, 1)), kDim, {}, 1).save(path, kKey);
  EXPECT_FALSE(load(std::string(64, 'b')));
}

TEST_F(ApproximateFile, IsRefusedWhateverByteIsDamagedOrMissing) {
  ApproximateIndex(share(photos(60, 1)), kDim, {}, 1).save(path, kKey);
  const std::string bytes = read_file(path);
  const auto outcome = [&](const std::string& changed) {
    write_file(path, changed);
    try {
      return load(kKey) ? "loaded" : "nothing";
    } catch (const Error& e) {
      EXPECT_EQ(e.code, ErrorCode::kCorrupt);
      EXPECT_NE(std::string(e.what()).find(path.string()), std::string::npos);
      return "corrupt";
    }
  };
  ASSERT_STREQ(outcome(bytes), "loaded");
  for (std::size_t i = 0; i < bytes.size(); i += 17) {
    std::string changed = bytes;
    changed[i] ^= 0x20;
    EXPECT_STRNE(outcome(changed), "loaded") << "byte " << i;
  }
  for (const std::size_t size : {0u, 7u, 111u, 112u, 3000u})
    EXPECT_STREQ(outcome(bytes.substr(0, size)), "corrupt") << size;
  EXPECT_STREQ(outcome(bytes.substr(0, bytes.size() - 1)), "corrupt");
  EXPECT_STREQ(outcome(bytes + "x"), "corrupt");
}

}  // namespace
}  // namespace shoplens
