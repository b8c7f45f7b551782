// SPDX-License-Identifier: Apache-2.0
#include "recognize/out_of_fold.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/random.h"
#include "data/folds.h"

namespace shoplens {
namespace {

// 90 photos of 6 products and three folds. Of each fold a network that "sees", which tells the
// products apart, and one that "learns", which has learnt its training photos by heart and knows
// nothing of others.
class OutOfFoldTest : public testing::Test {
 protected:
  static constexpr int kProducts = 6, kFolds = 3;

  OutOfFoldTest() {
    list.source = "train.csv";
    for (int i = 0; i < 90; ++i) {
      list.names.push_back(join("photo", i));
      list.paths.emplace_back(list.names.back());
      list.labels.push_back(join("p", i % kProducts));
    }
    fold_of = split_folds(list, kFolds, 7, "");
    for (const auto& [arch, dim] : {std::pair("sees", 8), std::pair("learns", 6)})
      for (int fold = 0; fold < kFolds; ++fold) {
        ModelInfo info;
        info.arch = arch;
        info.dim = dim;
        info.preprocessing.size = 64;
        info.held_out = {fold, kFolds, 7, split_hash(list, ""), ""};
        networks.push_back({join(arch, fold, ".onnx"), info});
        width += static_cast<std::size_t>(dim);
      }
    Random random{3};
    for (int i = 0; i < 90; ++i) {
      const auto row = static_cast<std::size_t>(i);
      gallery.items.push_back({i + 1, list.labels[row], list.names[row], "", {}});
      for (const FoldNetwork& network : networks) {
        const ModelInfo& info = network.info;
        const bool held_out = fold_of[row] == info.held_out->fold;
        const double noise = info.arch == "sees" ? 0.6 : held_out ? 10 : 0.01;
        std::vector<float> x;
        for (int j = 0; j < info.dim; ++j)
          x.push_back((j == i % kProducts ? 1.0f : 0.0f) +
                      static_cast<float>(random.uniform(-noise, noise)));
        l2_normalize(x, info.dim);
        gallery.vectors.insert(gallery.vectors.end(), x.begin(), x.end());
      }
    }
    l2_normalize(gallery.vectors, static_cast<int>(width));
  }

  std::vector<std::string> held_out_of(int fold) const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < list.size(); ++i)
      if (fold_of[i] == fold) names.push_back(list.names[i]);
    return names;
  }
  PipelineSpec spec() const {
    PipelineSpec spec;
    for (const FoldNetwork& network : networks) spec.models.push_back({network.path, "f"});
    return spec;
  }
  std::string error() const {
    try {
      OutOfFold(gallery, networks, list);
    } catch (const Error& e) {
      EXPECT_EQ(e.code, ErrorCode::kBadInput);
      return e.what();
    }
    return "no error";
  }
  TuneData data_of(const OutOfFold& folds) const {
    return {whitening, no_classes, folds.alike(), folds.parts()};
  }

  Manifest list;
  std::vector<int> fold_of;
  std::vector<FoldNetwork> networks;
  std::size_t width = 0;
  GalleryContent gallery;
  std::optional<GalleryArray> whitening;
  std::vector<std::string> no_classes;
};

TEST_F(OutOfFoldTest, EachFoldIsAskedAboutByTheNetworksThatDidNotSeeIt) {
  gallery.items[4].label = "p1";  // what the gallery says counts
  gallery.items.push_back({91, "p0", "a photo of no list", "", {}});
  gallery.vectors.resize(gallery.vectors.size() + width, 1.0f);
  const OutOfFold folds(gallery, networks, list);
  EXPECT_EQ(folds.alike(), (std::vector<std::vector<std::size_t>>{{0, 1, 2}, {3, 4, 5}}));
  EXPECT_EQ(folds.photos(), 90u);
  const std::vector<TunePart> parts = folds.parts();
  ASSERT_EQ(parts.size(), 3u);
  for (std::size_t f = 0; f < 3; ++f) {
    const TunePart& part = parts[f];
    EXPECT_EQ(part.models, (std::vector<std::size_t>{f, f + 3}));
    EXPECT_EQ(dim_of(part.blocks), 14);
    EXPECT_EQ(part.embedded.dim, 14);
    std::set<std::string> others, expected(list.names.begin(), list.names.end());
    for (const GalleryItem& item : part.gallery.items) others.insert(item.path);
    const auto held_out = held_out_of(static_cast<int>(f));
    ASSERT_EQ(part.embedded.photos.size(), held_out.size());
    for (std::size_t row = 0; row < held_out.size(); ++row) {
      expected.erase(held_out[row]);
      const auto place = static_cast<std::size_t>(
          std::find(list.names.begin(), list.names.end(), held_out[row]) - list.names.begin());
      EXPECT_EQ(part.list.labels[row], gallery.items[place].label);
      // Its vector: the two networks' parts of the gallery's, 1/3 of whose square each of three is.
      const float* const whole = gallery.vectors.data() + place * width;
      std::vector<float> wanted(whole + f * 8, whole + f * 8 + 8);
      wanted.insert(wanted.end(), whole + 24 + f * 6, whole + 24 + f * 6 + 6);
      for (std::size_t j = 0; j < 14; ++j)
        EXPECT_NEAR(part.embedded.embeddings[row * 14 + j], wanted[j] * std::sqrt(3.0f), 1e-6);
    }
    EXPECT_EQ(others, expected);
    EXPECT_EQ(part.gallery.vectors.size(), others.size() * 14);
  }
}

TEST_F(OutOfFoldTest, WhatIsLearntByHeartIsWorthNothing) {
  const OutOfFold folds(gallery, networks, list);
  const TuneData data = data_of(folds);
  const TuneResult result = tune(spec(), data, 0);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(result.spec.models[i].weight, result.spec.models[0].weight);
    EXPECT_EQ(result.spec.models[i + 3].weight, result.spec.models[3].weight);
  }
  EXPECT_GT(result.spec.models[0].weight, 2 * result.spec.models[3].weight);
  const auto unseen = cross_validate_tune(spec(), data, 0, 5);  // three folds, whatever is said
  ASSERT_TRUE(unseen);
  EXPECT_NEAR(tune_score(unseen->before), result.trials[0].score, 1e-12);
  EXPECT_GT(tune_score(unseen->after), tune_score(unseen->before) + 0.05);
  EXPECT_THROW(tune(spec(), data, 4), Error);

  // The same photos asked about by all networks: everything is found, by those that know it.
  PhotoEmbeddings all;
  all.dim = static_cast<int>(width);
  all.embeddings = gallery.vectors;
  for (int i = 0; i < 90; ++i) all.photos.push_back(i);
  std::vector<Block> blocks;
  for (const FoldNetwork& network : networks) blocks.push_back({network.info.dim});
  const TuneResult naive =
      tune(spec(), tune_data(gallery, whitening, blocks, no_classes, list, all), 0);
  EXPECT_EQ(naive.trials[0].held_out.accuracy, 1);
  EXPECT_LE(naive.spec.models[0].weight, naive.spec.models[3].weight);
}

TEST_F(OutOfFoldTest, FiguresAreMeansOverAllPhotosThatCanBeFound) {
  // Folds of unlike sizes, and a product that one fold has alone.
  gallery.items.erase(gallery.items.begin(), gallery.items.begin() + 20);
  gallery.vectors.erase(gallery.vectors.begin(),
                        gallery.vectors.begin() + static_cast<std::ptrdiff_t>(20 * width));
  gallery.items[0].label = "alone";
  const OutOfFold folds(gallery, networks, list);
  EXPECT_EQ(folds.photos(), 69u);
  double right = 0, asked = 0;
  std::set<std::size_t> sizes;
  for (const TunePart& part : folds.parts()) {
    const Matcher matcher(part.gallery.vectors, part.blocks, PipelineSpec{}, std::nullopt);
    const Evaluation e = evaluate(part.gallery.items, matcher, part.list, part.embedded, {})[0];
    EXPECT_EQ(e.strangers, 0);
    const auto photos = static_cast<double>(part.embedded.photos.size());
    sizes.insert(part.embedded.photos.size());
    right += photos * e.accuracy;
    asked += photos;
  }
  EXPECT_GT(sizes.size(), 1u);
  EXPECT_EQ(asked, 69);
  EXPECT_NEAR(tune(spec(), data_of(folds), 0).trials[0].held_out.accuracy, right / asked, 1e-12);
}

TEST_F(OutOfFoldTest, OfManyPhotosSomeAreAskedAbout) {
  const OutOfFold folds(gallery, networks, list, 30);
  EXPECT_EQ(folds.photos(), 30u);
  for (const TunePart& part : folds.parts()) {
    EXPECT_EQ(part.embedded.photos.size(), 10u);
    EXPECT_EQ(part.gallery.items.size(), 60u);  // looked up among all the same
  }
}

TEST_F(OutOfFoldTest, MistakesAreNamed) {
  const auto all = networks;
  networks[4].info.held_out.reset();
  EXPECT_EQ(error(),
            "index tune: want networks that say which fold they did not see, this one does not "
            "(learns1.onnx)");
  networks = all;
  networks[5].info.held_out->seed = 8;
  EXPECT_EQ(error(),
            "index tune: want networks of the same folds, got 3 folds, seed 7 (sees0.onnx) and 3 "
            "folds, seed 8 (learns2.onnx)");
  networks = all;
  std::swap(list.labels[0], list.labels[1]);
  EXPECT_EQ(error(),
            "index tune: want the list that sees0.onnx was trained on, got another (train.csv)");
  std::swap(list.labels[0], list.labels[1]);
  networks[3].info.preprocessing.size = 96;
  EXPECT_EQ(error(),
            "index tune: want networks of two folds at least, of the same kinds in the same order, "
            "got for fold 0 sees, 8-d at 64 px; learns, 6-d at 96 px and for fold 1 sees, 8-d at "
            "64 px; learns, 6-d at 64 px");
  networks = all;
  networks.resize(1);
  EXPECT_NE(error().find("want vectors of 8 components"), std::string::npos);
  gallery.vectors.resize(gallery.items.size() * 8);
  EXPECT_NE(error().find("got for fold 0 sees, 8-d at 64 px alone"), std::string::npos);
}

TEST_F(OutOfFoldTest, AGalleryOfOtherPhotosIsNamed) {
  for (GalleryItem& item : gallery.items) item.path = "elsewhere/" + item.path;
  EXPECT_NE(error().find("want photos of fold 0 of train.csv in the gallery"), std::string::npos);
}

}  // namespace
}  // namespace shoplens
