// SPDX-License-Identifier: Apache-2.0
#include "recognize/evaluate.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace shoplens {
namespace {

// Four gallery photos around a circle, three queries; the answers are plain to see.
class EvaluateTest : public testing::Test {
 protected:
  EvaluateTest() {
    const auto add_item = [&](std::int64_t id, std::string label, std::string coarse, float x,
                              float y) {
      GalleryItem item;
      item.id = id;
      item.label = std::move(label);
      if (!coarse.empty())
        item.columns = {{"coarse_label", std::move(coarse)}, {"note", "g" + std::to_string(id)}};
      gallery.items.push_back(item);
      gallery.vectors.insert(gallery.vectors.end(), {x, y});
    };
    add_item(1, "gala", "apple", 1, 0);
    add_item(2, "fuji", "apple", 0.8f, 0.6f);
    add_item(3, "conference", "pear", 0, 1);
    add_item(4, "mystery", "", -1, 0);
    queries.source = "test.csv";
    queries.labels = {"gala", "gala", "conference", "fuji"};
    queries.columns = {{"coarse_label", {"apple", "apple", "pear", "apple"}},
                       {"note", {"q1", "q2", "q3", "q4"}}};
    embedded.dim = 2;
    embedded.photos = {0, 1, 2};  // the fourth could not be read
    embedded.embeddings = {1, 0, 0.8f, 0.6f, 0, 1};
  }
  Matcher plain() const { return Matcher(gallery.vectors, 2); }

  GalleryContent gallery;
  Manifest queries;
  PhotoEmbeddings embedded;
};

TEST_F(EvaluateTest, ByLabelAndByEachSharedColumn) {
  const auto results = evaluate(gallery.items, plain(), queries, embedded, {});
  ASSERT_EQ(results.size(), 2u);  // "note" has no value on both sides
  EXPECT_EQ(results[0].column, "label");
  EXPECT_EQ(results[0].metrics.queries, 3);
  EXPECT_EQ(results[0].metrics.gallery, 4);
  EXPECT_DOUBLE_EQ(results[0].metrics.recall_at_1, 2 / 3.0);
  EXPECT_DOUBLE_EQ(results[0].metrics.recall_at_5, 1);
  EXPECT_DOUBLE_EQ(results[0].metrics.map, (1 + 0.5 + 1) / 3);
  EXPECT_DOUBLE_EQ(results[0].metrics.macro_f1, (2 / 3.0 + 1) / 2);
  EXPECT_EQ(results[1].column, "coarse_label");
  EXPECT_EQ(results[1].metrics.gallery, 3);  // without the item that has none
  EXPECT_DOUBLE_EQ(results[1].metrics.recall_at_1, 1);
}

// One shop among many photos: every query must look at nearly all of them, block after block.
TEST_F(EvaluateTest, AColumnThatFewItemsHaveIsDecidedForEveryQuery) {
  constexpr int kItems = 3000, kQueries = 1500;  // 4.5 million hits, more than a block holds
  for (int i = 0; i < kItems; ++i) {
    gallery.items.push_back(
        {.id = 10 + i, .label = "gala", .path = "", .source = "", .columns = {}});
    gallery.vectors.insert(gallery.vectors.end(), {0.6f, -0.8f});
  }
  gallery.items[3].columns = {{"shop", "corner"}};  // the farthest from most
  queries.columns = {{"shop", std::vector<std::string>(kQueries, "corner")}};
  queries.labels.assign(kQueries, "gala");
  embedded.photos.clear();
  embedded.embeddings.clear();
  for (int i = 0; i < kQueries; ++i) {
    embedded.photos.push_back(i);
    embedded.embeddings.insert(embedded.embeddings.end(), {1, 0});
  }
  const auto results = evaluate(gallery.items, plain(), queries, embedded, {});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[1].metrics.queries, kQueries);
  EXPECT_EQ(results[1].accuracy, 1);
}

TEST_F(EvaluateTest, LabelRowsCarryNames) {
  const auto result = evaluate(gallery.items, plain(), queries, embedded, {})[0];
  ASSERT_EQ(result.labels.size(), 2u);
  EXPECT_EQ(result.names[static_cast<std::size_t>(result.labels[0].label)], "conference");
  EXPECT_EQ(result.labels[0].recall_at_1, 1);
  EXPECT_EQ(result.names[static_cast<std::size_t>(result.labels[1].label)], "gala");
  EXPECT_EQ(result.labels[1].queries, 2);
  EXPECT_EQ(result.labels[1].recall_at_1, 0.5);
}

TEST_F(EvaluateTest, MacroF1FollowsTheVote) {
  gallery.items[1].label = "gala";
  gallery.items[0].label = "fuji";
  gallery.vectors = {1, 0, 0.96f, 0.28f, 0.96f, -0.28f, -1, 0};
  gallery.items[2].label = "gala";  // two galas close to the one fuji
  embedded.photos = {0};
  embedded.embeddings = {1, 0};
  EXPECT_EQ(evaluate(gallery.items, plain(), queries, embedded, {})[0].metrics.macro_f1, 0);
  EXPECT_EQ(evaluate(gallery.items, plain(), queries, embedded, {{Vote::kWeighted, 3, 1}})[0]
                .metrics.macro_f1,
            1);
}

TEST_F(EvaluateTest, AccuracyIsOfTheDecidedLabels) {
  EvaluateOptions options{.decide = {.vote = Vote::kClasses, .k = 4}, .classes = {"fuji", "gala"}};
  embedded.class_probabilities = {0.01f, 0.99f, 0.01f, 0.99f, 0.5f, 0.5f};
  const auto result = evaluate(gallery.items, plain(), queries, embedded, options)[0];
  EXPECT_DOUBLE_EQ(result.metrics.recall_at_1, 2 / 3.0);
  EXPECT_DOUBLE_EQ(result.accuracy, 1);  // the second query's nearest is a fuji, its class a gala
}

TEST_F(EvaluateTest, ReRankedItemsComeFirstInTheirOrder) {
  PipelineSpec spec;
  spec.ranking.rerank = true;
  const Matcher matcher(gallery.vectors, {{2, 1.0}}, spec, std::nullopt);
  const auto hits = matcher.search(matcher.prepare(embedded.embeddings), 4);
  const auto result = evaluate(gallery.items, matcher, queries, embedded, {})[0];
  int right = 0;
  for (std::size_t q = 0; q < 3; ++q)
    right += gallery.items[static_cast<std::size_t>(hits[q][0].id)].label == queries.labels[q];
  EXPECT_DOUBLE_EQ(result.metrics.recall_at_1, right / 3.0);
  EXPECT_DOUBLE_EQ(result.accuracy, right / 3.0);
}

TEST_F(EvaluateTest, EmptySidesAreErrors) {
  EXPECT_THROW(evaluate({}, plain(), queries, embedded, {}), Error);
  embedded.photos.clear();
  embedded.embeddings.clear();
  EXPECT_THROW(evaluate(gallery.items, plain(), queries, embedded, {}), Error);
}

}  // namespace
}  // namespace shoplens
