// SPDX-License-Identifier: Apache-2.0
#include "index/exact_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstddef>
#include <limits>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>

#include "core/error.h"
#include "core/random.h"
#include "index/inner_product.h"
#include "index/test_vectors.h"

namespace shoplens {
namespace {

std::vector<std::int64_t> ids_from(std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(count));
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

// The definition: every float64 inner product, sorted, the k best.
std::vector<Hit> oracle(std::span<const float> query, const std::vector<float>& vectors,
                        const std::vector<std::int64_t>& ids, std::size_t k) {
  const int dim = static_cast<int>(query.size());
  std::vector<Scored> all;
  for (std::size_t i = 0; i < ids.size(); ++i)
    all.push_back({ids[i], inner_product(query.data(), vectors.data() + i * query.size(), dim)});
  std::sort(all.begin(), all.end(), ranks_before);
  std::vector<Hit> best;
  for (std::size_t i = 0; i < std::min(k, all.size()); ++i)
    best.push_back({all[i].id, static_cast<float>(all[i].score)});
  return best;
}

// Holds the threads of a scan up until `count` of them have come, so that each has a part in it,
// however little there is to do.
class Meeting {
 public:
  explicit Meeting(std::size_t count) : count_(count) {}
  bool all_came() const { return all_came_; }
  bool wait() {  // true, as a filter that allows all
    if (open_) return true;
    std::unique_lock lock(mutex_);
    threads_.insert(std::this_thread::get_id());
    if (threads_.size() == count_) {
      all_came_ = true;
      open_ = true;
      changed_.notify_all();
    }
    changed_.wait_for(lock, std::chrono::seconds(20), [this] { return open_.load(); });
    open_ = true;  // too late for the others
    return true;
  }

 private:
  const std::size_t count_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::thread::id> threads_;
  std::atomic<bool> open_{false}, all_came_{false};
};

// Searches with every instruction set, on one thread and on three that each scan some, and compares
// with the definition, scores to the bit.
void expect_exact(int dim, const std::vector<float>& vectors, const std::vector<float>& queries,
                  int k) {
  auto ids = ids_from(1000, static_cast<std::int64_t>(vectors.size()) / dim);
  Random{7}.shuffle(ids.begin(), ids.end());
  std::vector<std::vector<Hit>> wanted;
  for (std::int64_t q = 0; q < static_cast<std::int64_t>(queries.size()) / dim; ++q)
    wanted.push_back(oracle(row(queries, q, dim), vectors, ids, static_cast<std::size_t>(k)));
  for (const Int8Kernel* kernel : supported_int8_kernels())
    for (const std::size_t threads : {1u, 3u}) {
      ExactIndex index(dim, static_cast<int>(threads), *kernel, /*thread_work=*/1);
      index.add(ids, vectors);
      Meeting meeting(std::min(threads, (ids.size() + kInt8Panel - 1) / kInt8Panel));
      const IdFilter all = [&](std::int64_t) { return meeting.wait(); };
      for (const IdFilter& filter : {all, IdFilter{}}) {
        const auto found = index.search(queries, k, filter);
        ASSERT_EQ(found.size(), wanted.size());
        for (std::size_t q = 0; q < found.size(); ++q)
          ASSERT_EQ(found[q], wanted[q])
              << kernel->name << ", " << threads << " threads, dim " << dim << ", query " << q;
      }
      EXPECT_TRUE(meeting.all_came()) << threads << " threads";
    }
}

TEST(InnerProduct, IsTheSumInFloat64) {
  for (const int dim : {1, 7, 8, 31, 32, 33, 64, 513}) {
    const auto a = random_vectors(1, dim, 20), b = random_vectors(1, dim, 21);
    long double sum = 0;
    double strands[32] = {};
    for (std::size_t j = 0; j < a.size(); ++j) {
      sum += static_cast<long double>(a[j]) * b[j];
      strands[j % 32] += double{a[j]} * b[j];
    }
    for (int half = 16; half > 0; half /= 2)
      for (int s = 0; s < half; ++s) strands[s] += strands[s + half];
    EXPECT_NEAR(strands[0], static_cast<double>(sum), 1e-15);
    EXPECT_EQ(inner_product(a.data(), b.data(), dim), strands[0]);  // whatever the processor
  }
}

TEST(ExactIndex, EqualsTheDefinition) {
  for (const int dim : {1, 3, 16, 33, 128, 512})
    for (const std::int64_t size : {1, 5, 63, 64, 65, 400})
      expect_exact(dim, random_vectors(size, dim, 1), random_vectors(13, dim, 2), 7);
}

TEST(ExactIndex, EqualsTheDefinitionOnClusters) {  // as embeddings of 30 photos a product lie
  const int dim = 64;
  const auto centres = random_vectors(50, dim, 30);
  auto vectors = random_vectors(1500, dim, 31), queries = random_vectors(40, dim, 32);
  for (auto* set : {&vectors, &queries})
    for (std::size_t i = 0; i < set->size(); ++i)
      (*set)[i] = (*set)[i] * 0.3f + centres[i % centres.size()];
  l2_normalize(vectors, dim);
  expect_exact(dim, vectors, queries, 5);
  expect_exact(dim, vectors, queries, 100);
}

TEST(ExactIndex, TellsApartWhatDiffersInTheLastBit) {
  const int dim = 40;
  const auto one = random_vectors(1, dim, 33);
  Random random{34};
  std::vector<float> vectors;
  for (int i = 0; i < 300; ++i) {
    vectors.insert(vectors.end(), one.begin(), one.end());
    float& x = vectors[vectors.size() - 1 - static_cast<std::size_t>(random.integer(0, dim - 1))];
    if (i % 3) x = std::nextafter(x, i % 2 ? 2.0f : -2.0f);
  }
  expect_exact(dim, vectors, one, 50);
  expect_exact(dim, vectors, random_vectors(5, dim, 35), 299);
}

TEST(ExactIndex, EqualsTheDefinitionAtAnyScale) {  // denormals, zeros and huge side by side
  const int dim = 24;
  for (const double query_scale : {1e-44, 1e-30, 1.0, 1e15}) {
    auto vectors = random_vectors(400, dim, 36);
    const auto queries = random_vectors(6, dim, 37);
    const double scales[] = {0, 1e-44, 1e-38, 1e-20, 1e-3, 1, 1e9, 1e15};
    for (std::size_t i = 0; i < vectors.size(); ++i)
      vectors[i] = static_cast<float>(vectors[i] * scales[i / dim % 8]);
    expect_exact(dim, vectors, scaled(queries, query_scale), 60);
  }
}

// Beside a large vector the bound of a panel's others says nothing, and all are scored.
TEST(ExactIndex, EqualsTheDefinitionWhenAllAreOfOneScale) {
  const int dim = 24;
  const auto vectors = random_vectors(400, dim, 42), queries = random_vectors(6, dim, 43);
  for (const double scale : kScales)
    for (const double query_scale : {1e-44, 1.0, 1e15})
      for (const int k : {3, 60})
        expect_exact(dim, scaled(vectors, scale), scaled(queries, query_scale), k);
}

TEST(ExactIndex, EqualsTheDefinitionOnSpikes) {  // one large component leaves the rest no codes
  const int dim = 100;
  auto vectors = random_vectors(500, dim, 38), queries = random_vectors(6, dim, 39);
  for (std::size_t i = 0; i < vectors.size(); i += dim) vectors[i + i / dim % dim] = 50;
  for (std::size_t i = 0; i < queries.size(); i += dim) queries[i + 3] = i % 200 ? 1000 : 1;
  expect_exact(dim, vectors, queries, 9);
}

TEST(ExactIndex, EqualsTheDefinitionWhenNothingCanBeRuledOut) {  // more than survivors are kept
  std::vector<float> vectors;
  for (int i = 0; i < 20000; ++i)
    vectors.insert(vectors.end(), {1, static_cast<float>(i % 5000) * 1e-7f});
  expect_exact(2, vectors, {1, 1}, 11);
  expect_exact(2, vectors, {1, 1}, 20000);
}

TEST(ExactIndex, WellSeparatedRanksAreExact) {
  const int dim = 64, size = 200;
  std::vector<float> vectors(static_cast<std::size_t>(dim * size));
  for (int i = 0; i < size; ++i)
    vectors[static_cast<std::size_t>(i * dim + i % dim)] = static_cast<float>(i);
  ExactIndex index(dim, 2);
  index.add(ids_from(0, size), vectors);
  const auto hits = index.search(std::vector<float>(static_cast<std::size_t>(dim), 1.0f), size)[0];
  for (int i = 0; i < size; ++i)
    EXPECT_EQ(hits[static_cast<std::size_t>(i)], (Hit{size - 1 - i, float(size - 1 - i)}));
}

TEST(ExactIndex, ABatchOfOneEqualsABatchOfManyToTheBit) {
  const int dim = 97;
  ExactIndex one_thread(dim, 1), many_threads(dim, 4);
  const auto vectors = random_vectors(3000, dim, 3);
  one_thread.add(ids_from(0, 3000), vectors);
  many_threads.add(ids_from(0, 3000), vectors);
  const auto queries = random_vectors(600, dim, 4);  // more than one block
  const auto together = many_threads.search(queries, 20);
  for (std::int64_t q = 0; q < 600; ++q) {
    const auto alone = one_thread.search(row(queries, q, dim), 20);
    ASSERT_EQ(alone[0], together[static_cast<std::size_t>(q)]) << "query " << q;
  }
}

TEST(ExactIndex, DuplicatesHaveOneScoreAndRankById) {
  const int dim = 50;
  const auto one = random_vectors(1, dim, 5);
  std::vector<float> vectors;
  for (int i = 0; i < 300; ++i) vectors.insert(vectors.end(), one.begin(), one.end());
  auto ids = ids_from(-100, 300);
  Random{8}.shuffle(ids.begin(), ids.end());
  const auto queries = random_vectors(8, dim, 6);
  expect_exact(dim, vectors, queries, 250);
  ExactIndex index(dim, 4);
  index.add(ids, vectors);
  for (const auto& hits : index.search(queries, 250)) {
    ASSERT_EQ(hits.size(), 250u);
    for (std::size_t i = 0; i < hits.size(); ++i) {
      EXPECT_EQ(hits[i].id, static_cast<std::int64_t>(i) - 100);
      EXPECT_EQ(hits[i].score, hits[0].score);
    }
  }
}

TEST(ExactIndex, ZeroVectorsScoreZero) {
  ExactIndex index(3, 1);
  index.add(std::vector<std::int64_t>{5, 4}, std::vector<float>(6));
  EXPECT_EQ(index.search(std::vector<float>{1, 2, 3}, 9)[0], (std::vector<Hit>{{4, 0}, {5, 0}}));
  EXPECT_EQ(index.search(std::vector<float>{0, 0, 0}, 1)[0], (std::vector<Hit>{{4, 0}}));
}

TEST(ExactIndex, GivesAllNegativeScoresAndNoPadding) {
  ExactIndex index(1, 1);  // the panel's 62 empty places would score 0
  index.add(std::vector<std::int64_t>{1, 2}, std::vector<float>{-1, -2});
  EXPECT_EQ(index.search(std::vector<float>{1}, 10)[0], (std::vector<Hit>{{1, -1}, {2, -2}}));
}

TEST(ExactIndex, AnEmptyIndexFindsNothing) {
  const ExactIndex index(4);
  EXPECT_EQ(index.size(), 0);
  EXPECT_EQ(index.search(std::vector<float>(8), 3), std::vector<std::vector<Hit>>(2));
  EXPECT_TRUE(index.search({}, 3).empty());
}

TEST(ExactIndex, RefusesWhatIsNotANumberWithNothingChanged) {
  ExactIndex index(2, 1);
  index.add(std::vector<std::int64_t>{1}, std::vector<float>{1, 0});
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float bad : {std::nanf(""), kInfinity, -kInfinity, 1e16f}) {
    EXPECT_THROW(index.add(std::vector<std::int64_t>{2, 3}, std::vector<float>{1, 0, 0, bad}),
                 Error);
    EXPECT_THROW(index.search(std::vector<float>{bad, 0}, 1), Error);
  }
  EXPECT_EQ(index.size(), 1);
  EXPECT_NO_THROW(index.add(std::vector<std::int64_t>{2}, std::vector<float>{1e15f, -1e15f}));
}

TEST(ExactIndex, RefusesAKnownIdWithNothingChanged) {
  ExactIndex index(1, 1);
  index.add(std::vector<std::int64_t>{1, 2}, std::vector<float>{1, 2});
  for (const auto& ids : {std::vector<std::int64_t>{3, 2}, std::vector<std::int64_t>{4, 4}}) try {
      index.add(ids, std::vector<float>{8, 9});
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::kBadInput);
      EXPECT_EQ(error.what(), join("index add: want new, distinct ids, got ", ids[1], " again"));
    }
  EXPECT_EQ(index.search(std::vector<float>{1}, 9)[0], (std::vector<Hit>{{2, 2}, {1, 1}}));
}

TEST(ExactIndex, RefusesWrongSizes) {
  ExactIndex index(3, 1);
  EXPECT_THROW(ExactIndex(0), Error);
  EXPECT_THROW(index.add(std::vector<std::int64_t>{1}, std::vector<float>(4)), Error);
  EXPECT_THROW(index.search(std::vector<float>(4), 1), Error);
  EXPECT_THROW(index.search(std::vector<float>(3), 0), Error);
}

TEST(ExactIndex, RemovingEqualsNeverHavingAdded) {
  const int dim = 20;
  const auto vectors = random_vectors(200, dim, 9);
  const auto queries = random_vectors(5, dim, 10);
  ExactIndex index(dim, 2), kept(dim, 2);
  index.add(ids_from(0, 200), vectors);
  std::vector<std::int64_t> gone{199, 0, 0, 777, 64, 63, 128};  // twice, unknown, at panel edges
  for (std::int64_t id = 10; id < 190; id += 3) gone.push_back(id);
  std::int64_t expected = 0;
  for (std::int64_t id = 0; id < 200; ++id) {
    if (std::find(gone.begin(), gone.end(), id) == gone.end())
      kept.add(std::vector<std::int64_t>{id}, row(vectors, id, dim));
    else
      ++expected;
  }
  EXPECT_EQ(index.remove(gone), expected);
  EXPECT_EQ(index.size(), kept.size());
  EXPECT_EQ(index.search(queries, 300), kept.search(queries, 300));
  index.add(std::vector<std::int64_t>{0}, row(vectors, 0, dim));  // an id may come back
  kept.add(std::vector<std::int64_t>{0}, row(vectors, 0, dim));
  EXPECT_EQ(index.search(queries, 300), kept.search(queries, 300));
  EXPECT_EQ(index.remove(ids_from(0, 200)), kept.size());
  EXPECT_EQ(index.size(), 0);
}

TEST(ExactIndex, SharesVectorsUntilTheyChange) {
  const int dim = 10;
  const SharedVectors given = share(random_vectors(2500, dim, 60));
  const std::vector<float> before(given.values.begin(), given.values.end());
  const auto queries = random_vectors(4, dim, 61);
  ExactIndex index(dim, given, 2), added(dim, 2);
  added.add_rows(before);
  EXPECT_EQ(index.search(queries, 2500), added.search(queries, 2500));
  EXPECT_EQ(index.vectors(), before);
  for (const std::int64_t id : {0, 1023, 1024, 2499})
    EXPECT_EQ(index.vector(id), given.values.data() + id * dim);  // not copied
  for (ExactIndex* const one : {&index, &added}) {
    one->remove(std::vector<std::int64_t>{3, 2499});
    one->add(std::vector<std::int64_t>{2499}, row(before, 3, dim));
  }
  EXPECT_EQ(index.search(queries, 2500), added.search(queries, 2500));
  EXPECT_TRUE(std::equal(before.begin(), before.end(), given.values.begin()));
  EXPECT_THROW(ExactIndex(dim, share(std::vector<float>(dim + 1))), Error);
  EXPECT_THROW(ExactIndex(1, share({NAN})), Error);
}

// An index beside a plain list of what it should hold.
struct Checked {
  explicit Checked(int dim) : index(dim, 2) {}

  void add(std::int64_t first_id, std::int64_t count, std::uint64_t seed) {
    const auto more = random_vectors(count, index.dim(), seed);
    const auto more_ids = ids_from(first_id, count);
    index.add(more_ids, more);
    ids.insert(ids.end(), more_ids.begin(), more_ids.end());
    vectors.insert(vectors.end(), more.begin(), more.end());
  }
  void remove(std::size_t place) {
    EXPECT_EQ(index.remove(std::span(ids).subspan(place, 1)), 1);
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(place));
    const auto at = vectors.begin() + static_cast<std::ptrdiff_t>(place) * index.dim();
    vectors.erase(at, at + index.dim());
  }
  void expect_exact(const std::vector<float>& queries) const {
    const auto found = index.search(queries, 9);
    for (std::size_t q = 0; q < found.size(); ++q)
      ASSERT_EQ(found[q],
                oracle(row(queries, static_cast<std::int64_t>(q), index.dim()), vectors, ids, 9));
    for (std::size_t i = 0; i < ids.size(); ++i)
      ASSERT_TRUE(std::equal(&vectors[i * static_cast<std::size_t>(index.dim())],
                             &vectors[i * static_cast<std::size_t>(index.dim())] + index.dim(),
                             index.vector(ids[i])));
  }

  ExactIndex index;
  std::vector<std::int64_t> ids;
  std::vector<float> vectors;
};

TEST(ExactIndex, ACopyStaysAsItIsWhileTheOtherChanges) {
  const int dim = 10;
  const auto queries = random_vectors(4, dim, 50);
  Random random{51};
  Checked now(dim);
  std::vector<Checked> copies;
  std::int64_t next = 0;
  for (int change = 0; change < 40; ++change) {
    copies.push_back(now);  // of no, of one chunk and of some, the last full or not
    if (change % 3 < 2) {
      const int count = change % 2 ? 1024 : random.integer(1, 1200);
      now.add(next, count, static_cast<std::uint64_t>(100 + change));
      next += count;
    } else {
      for (int i = random.integer(1, 1400); i > 0; --i)
        now.remove(
            static_cast<std::size_t>(random.integer(0, static_cast<int>(now.ids.size()) - 1)));
    }
    now.expect_exact(queries);
  }
  for (const Checked& copy : copies) copy.expect_exact(queries);
  copies[20].add(next, 100, 52);  // and a copy may go its own way
  copies[20].expect_exact(queries);
  now.expect_exact(queries);
}

TEST(ExactIndex, CopiesAreSearchedWhileTheOriginalChanges) {
  const int dim = 16;
  const auto vectors = random_vectors(3000, dim, 53), queries = random_vectors(5, dim, 54);
  ExactIndex index(dim, 1);
  index.add(ids_from(0, 1500), std::span(vectors).first(1500 * dim));
  std::vector<std::jthread> readers;
  for (std::int64_t i = 0; i < 30; ++i) {
    readers.emplace_back([copy = index, want = index.search(queries, 5), &queries] {
      for (int times = 0; times < 20; ++times) EXPECT_EQ(copy.search(queries, 5), want);
    });  // which drops its copy when it ends
    index.remove(ids_from(i * 20, 10));
    index.add(ids_from(1500 + i * 50, 50),
              std::span(vectors).subspan((1500 + i * 50) * dim, 50 * dim));
  }
}

TEST(ExactIndex, FindsTheBestOfThoseAllowed) {
  const int dim = 20;
  const auto vectors = random_vectors(3000, dim, 13), queries = random_vectors(20, dim, 14);
  ExactIndex all(dim, 2), some(dim, 2);
  all.add_rows(vectors);
  const IdFilter allowed = [](std::int64_t id) { return id % 7 == 3; };
  for (std::int64_t id = 3; id < 3000; id += 7)
    some.add(std::vector<std::int64_t>{id}, row(vectors, id, dim));
  for (const int k : {1, 10, 1000})
    EXPECT_EQ(all.search(queries, k, allowed), some.search(queries, k));
  EXPECT_TRUE(all.search(queries, 5, [](std::int64_t) { return false; })[0].empty());
}

TEST(ExactIndex, SearchesRunAtOnce) {
  ExactIndex index(32, 2);
  index.add(ids_from(0, 2000), random_vectors(2000, 32, 11));
  const auto queries = random_vectors(100, 32, 12);
  const auto want = index.search(queries, 3);
  std::vector<std::vector<std::vector<Hit>>> found(4);
  {
    std::vector<std::jthread> threads;
    for (auto& slot : found) threads.emplace_back([&] { slot = index.search(queries, 3); });
  }
  for (const auto& one : found) EXPECT_EQ(one, want);
}

}  // namespace
}  // namespace shoplens
