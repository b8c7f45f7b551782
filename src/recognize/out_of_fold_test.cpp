// SPDX-License-Identifier: Apache-2.0
#include "recognize/out_of_fold.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/random.h"
#include "data/folds.h"

namespace shoplens {
namespace {

// 90 photos of 6 products and three folds. Of each fold a "sees", which tells the products apart,
// and a "learns", which has learnt its training photos by heart and knows nothing of others.
class OutOfFoldTest : public testing::Test {
 protected:
  static constexpr int kProducts = 6, kDim = 8, kFolds = 3;

  OutOfFoldTest() {
    list.source = "train.csv";
    for (int i = 0; i < 90; ++i) {
      list.names.push_back(join("photo", i));
      list.paths.emplace_back(list.names.back());
      list.labels.push_back(join("p", i % kProducts));
    }
    fold_of = split_folds(list, kFolds, 7, "");
    for (const char* arch : {"sees", "learns"})
      for (int fold = 0; fold < kFolds; ++fold) {
        ModelInfo& model = models.emplace_back();
        model.arch = arch;
        model.dim = kDim;
        model.held_out = {fold, kFolds, 7, names_hash(held_out_of(fold)), ""};
      }
    Random random{3};
    for (int i = 0; i < 90; ++i) {
      gallery.items.push_back({i + 1,
                               list.labels[static_cast<std::size_t>(i)],
                               list.names[static_cast<std::size_t>(i)],
                               "",
                               {}});
      for (const ModelInfo& model : models) {
        const bool held_out = fold_of[static_cast<std::size_t>(i)] == model.held_out->fold;
        std::vector<float> x(kDim);
        const double noise = model.arch == "sees" ? 0.6 : held_out ? 10 : 0.01;
        for (int j = 0; j < kDim; ++j)
          x[static_cast<std::size_t>(j)] = (j == i % kProducts ? 1.0f : 0.0f) +
                                           static_cast<float>(random.uniform(-noise, noise));
        l2_normalize(x, kDim);
        gallery.vectors.insert(gallery.vectors.end(), x.begin(), x.end());
      }
    }
    l2_normalize(gallery.vectors, kDim * 2 * kFolds);
  }

  std::vector<std::string> held_out_of(int fold) const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < list.size(); ++i)
      if (fold_of[i] == fold) names.push_back(list.names[i]);
    return names;
  }
  PipelineSpec spec() const {
    PipelineSpec spec;
    for (const ModelInfo& model : models) spec.models.push_back({model.arch, "f"});
    return spec;
  }
  std::string error() const {
    try {
      OutOfFold(gallery, models, list);
    } catch (const Error& e) {
      EXPECT_EQ(e.code, ErrorCode::kBadInput);
      return e.what();
    }
    return "no error";
  }

  Manifest list;
  std::vector<int> fold_of;
  std::vector<ModelInfo> models;
  GalleryContent gallery;
  std::optional<GalleryArray> whitening;
  std::vector<std::string> no_classes;
};

TEST_F(OutOfFoldTest, EachFoldIsAskedAboutByTheNetworksThatDidNotSeeIt) {
  gallery.items[4].label = "another now";  // what the gallery says counts
  gallery.items.push_back({91, "p0", "a photo of no list", "", {}});
  gallery.vectors.resize(gallery.vectors.size() + kDim * 2 * kFolds, 1.0f);
  const OutOfFold folds(gallery, models, list);
  EXPECT_EQ(folds.alike(), (std::vector<std::vector<std::size_t>>{{0, 1, 2}, {3, 4, 5}}));
  const std::vector<TunePart> parts = folds.parts();
  ASSERT_EQ(parts.size(), 3u);
  std::size_t asked = 0;
  for (std::size_t f = 0; f < 3; ++f) {
    const TunePart& part = parts[f];
    EXPECT_EQ(part.models, (std::vector<std::size_t>{f, f + 3}));
    EXPECT_EQ(dim_of(part.blocks), 2 * kDim);
    std::set<std::string> others;
    for (const GalleryItem& item : part.gallery.items) others.insert(item.path);
    std::set<std::string> expected(list.names.begin(), list.names.end());
    std::size_t row = 0;
    for (const std::string& name : held_out_of(static_cast<int>(f))) {
      expected.erase(name);
      // Its vector: the two networks' parts of the gallery's, over their length.
      const auto place = static_cast<std::size_t>(
          std::find(list.names.begin(), list.names.end(), name) - list.names.begin());
      EXPECT_EQ(part.list.labels[row], gallery.items[place].label);
      double length = 0;
      for (std::size_t j = 0; j < 2 * kDim; ++j) {
        const float got = part.embedded.embeddings[row * 2 * kDim + j];
        const std::size_t from = (j / kDim * 3 + f) * kDim + j % kDim;
        EXPECT_NEAR(got, gallery.vectors[place * 6 * kDim + from] * std::sqrt(3.0f), 1e-6);
        length += got * got;
      }
      EXPECT_NEAR(length, 1, 1e-6);
      ++row;
    }
    EXPECT_EQ(part.embedded.photos.size(), row);
    EXPECT_EQ(others, expected);
    EXPECT_EQ(part.gallery.vectors.size(), others.size() * 2 * kDim);
    asked += row;
  }
  EXPECT_EQ(asked, 90u);
}

TEST_F(OutOfFoldTest, WhatIsLearntByHeartIsWorthNothing) {
  const OutOfFold folds(gallery, models, list);
  const TuneData data{whitening, no_classes, folds.alike(), folds.parts()};
  const TuneResult result = tune(spec(), data, 0);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(result.spec.models[i].weight, result.spec.models[0].weight);
    EXPECT_EQ(result.spec.models[i + 3].weight, result.spec.models[3].weight);
  }
  EXPECT_GT(result.spec.models[0].weight, 2 * result.spec.models[3].weight);
  // The gallery's own photos, asked about by all, say the opposite: those are always found.
  PhotoEmbeddings all;
  all.dim = 6 * kDim;
  all.embeddings = gallery.vectors;
  for (int i = 0; i < 90; ++i) all.photos.push_back(i);
  const std::vector<Block> blocks(6, {kDim, 1.0});
  const TuneResult naive =
      tune(spec(), tune_data(gallery, whitening, blocks, no_classes, list, all), 0);
  EXPECT_EQ(naive.trials[0].held_out.accuracy, 1);

  const auto unseen = cross_validate_tune(spec(), data, 0, 5);  // three folds, whatever is said
  ASSERT_TRUE(unseen);
  EXPECT_NEAR(tune_score(unseen->before), result.trials[0].score, 1e-12);
  EXPECT_GT(tune_score(unseen->after), tune_score(unseen->before) + 0.05);
}

// A mean of the folds' own figures, by hand.
TEST_F(OutOfFoldTest, FiguresAreMeansOverAllPhotos) {
  for (int i = 0; i < 20; ++i) {  // so that folds differ in size
    gallery.items.erase(gallery.items.begin());
    gallery.vectors.erase(gallery.vectors.begin(), gallery.vectors.begin() + 6 * kDim);
  }
  const OutOfFold folds(gallery, models, list);
  double right = 0, asked = 0;
  for (const TunePart& part : folds.parts()) {
    const Matcher matcher(part.gallery.vectors, part.blocks, PipelineSpec{}, std::nullopt);
    const auto photos = static_cast<double>(part.embedded.photos.size());
    right +=
        photos * evaluate(part.gallery.items, matcher, part.list, part.embedded, {})[0].accuracy;
    asked += photos;
  }
  EXPECT_EQ(asked, 70);
  const TuneData data{whitening, no_classes, folds.alike(), folds.parts()};
  EXPECT_NEAR(tune(spec(), data, 0).trials[0].held_out.accuracy, right / asked, 1e-12);
}

TEST_F(OutOfFoldTest, MistakesAreNamed) {
  const auto all = models;
  models[4].held_out.reset();
  EXPECT_NE(error().find("each trained without a fold, network 5 (learns) was not"),
            std::string::npos);
  models = all;
  list.names[0] = "a new photo";
  EXPECT_NE(error().find("was trained on, got another (train.csv)"), std::string::npos);
  list.names[0] = "photo0";
  std::swap(models[0], models[3]);
  EXPECT_NE(error().find("of the same architectures, in the same order"), std::string::npos);
  models = {all[0], all[3]};
  EXPECT_NE(error().find("each of two folds or more"), std::string::npos);
  models = {all[0], all[1], all[3]};
  EXPECT_NE(error().find("got network 1 (sees) of one fold with 1 others and network 2 (sees) with "
                         "0"),
            std::string::npos);
  models = all;
  for (GalleryItem& item : gallery.items) item.path = "elsewhere/" + item.path;
  EXPECT_NE(error().find("want the networks' training photos in the gallery"), std::string::npos);
}

}  // namespace
}  // namespace shoplens
