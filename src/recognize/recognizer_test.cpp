// SPDX-License-Identifier: Apache-2.0
#include "recognize/recognizer.h"

#include <algorithm>
#include <cmath>

#include "gallery/gallery_file.h"
#include "recognize/embed_photos.h"
#include "recognize/test_catalogue.h"

namespace shoplens {
namespace {

class RecognizerTest : public TestCatalogue {
 protected:
  Gallery build(const Pipeline& pipeline, std::size_t count) const {
    const auto embedded = embed_photos(pipeline, photos, {4, 2});
    std::vector<GalleryItem> items;
    for (std::size_t i = 0; i < count; ++i)
      items.push_back({0, i < 3 ? "few" : "many", photos[i].filename(), photos[i].filename(), {}});
    build_gallery(
        folder / "g.db",
        {pipeline.fingerprint(), pipeline.arch(), pipeline.dim(), (folder / "model.onnx").string()},
        {}, items, std::span(embedded.embeddings).first(count * 16), true);
    return Gallery(folder / "g.db");
  }
};

TEST_F(RecognizerTest, AGalleryPhotoFindsItself) {
  const Pipeline pipeline = open(1);
  const Recognizer recognizer(build(pipeline, 9), pipeline, {});
  for (int i = 0; i < 9; ++i) {
    const Answer answer = recognizer.recognize(picture(i));
    EXPECT_EQ(answer.label, i < 3 ? "few" : "many");
    EXPECT_NEAR(answer.score, 1, 1e-5);
    ASSERT_EQ(answer.neighbours.size(), 5u);
    EXPECT_EQ(answer.neighbours[0].id, i + 1);
    EXPECT_EQ(answer.neighbours[0].path, std::to_string(i) + ".png");
    EXPECT_GE(answer.neighbours[0].score, answer.neighbours[1].score);
  }
}

TEST_F(RecognizerTest, OnePhotoAloneIsEmbeddedAsInABatch) {
  for (const Tta tta : {Tta::kNone, Tta::kHflip}) {
    const Pipeline pipeline = open(1, tta);
    const Recognizer recognizer(build(pipeline, 9), pipeline, {});
    const auto batch = embed_photos(pipeline, photos, {9, 2});
    for (std::size_t i = 0; i < 9; ++i) {
      const Answer alone = recognizer.recognize(picture(static_cast<int>(i)));
      const Answer one = recognizer.answer(std::span(batch.embeddings).subspan(i * 16, 16))[0];
      ASSERT_EQ(alone.neighbours.size(), one.neighbours.size());
      for (std::size_t k = 0; k < one.neighbours.size(); ++k) {
        EXPECT_EQ(alone.neighbours[k].id, one.neighbours[k].id);
        EXPECT_NEAR(alone.neighbours[k].score, one.neighbours[k].score, 1e-5);
      }
    }
  }
}

TEST_F(RecognizerTest, TheVoteMayLookFurtherThanTheAnswerShows) {
  const Pipeline pipeline = open(1);
  RecognizeOptions options;
  options.top = 1;
  options.decide = {Vote::kWeighted, 9, 1e6};  // all of nine votes weigh the same
  const Answer answer = Recognizer(build(pipeline, 9), pipeline, options).recognize(picture(0));
  EXPECT_EQ(answer.label, "many");
  EXPECT_NEAR(answer.score, 6 / 9.0, 1e-4);
  EXPECT_EQ(answer.neighbours.size(), 1u);
}

TEST_F(RecognizerTest, VotesByTheClassesOfTheNetworks) {
  write_tiny_model(folder / "model.onnx", 32, 16, 1, {"few", "many"});
  PipelineSpec spec{.models = {{(folder / "model.onnx").string(), ""}}};
  spec.decide.vote = Vote::kClasses;
  spec.decide.k = 9;
  const Pipeline pipeline(spec, runtime(1));
  const Recognizer recognizer(build(pipeline, 9), pipeline, {.top = 9, .decide = spec.decide});
  const auto embedded = embed_photos(pipeline, photos, {});
  ASSERT_EQ(embedded.class_probabilities.size(), 18u);
  const auto answers = recognizer.answer(embedded.embeddings, embedded.class_probabilities);
  for (std::size_t i = 0; i < 9; ++i) {
    const float few = embedded.class_probabilities[2 * i];
    EXPECT_NEAR(few + embedded.class_probabilities[2 * i + 1], 1, 1e-6);
    double sums[2] = {0, 0};  // few, many: the definition
    for (const Neighbour& n : answers[i].neighbours)
      sums[n.label == "many"] +=
          std::pow(std::max(0.0f, n.score), 9) * std::pow(n.label == "many" ? 1 - few : few, 10);
    EXPECT_EQ(answers[i].label, sums[1] > sums[0] ? "many" : "few");
    EXPECT_NEAR(answers[i].score, std::max(sums[0], sums[1]) / (sums[0] + sums[1]), 1e-4);
  }
}

TEST_F(RecognizerTest, RefusesAnEmptyGalleryAndAnotherModel) {
  const Pipeline pipeline = open(1);
  EXPECT_THROW(Recognizer(build(pipeline, 0), pipeline, {}), Error);
  const Gallery gallery = build(pipeline, 9);
  write_tiny_model(folder / "model.onnx", 32, 16, /*seed=*/2);
  const Pipeline other = open(1);
  EXPECT_THROW(Recognizer(gallery, other, {}), Error);
}

}  // namespace
}  // namespace shoplens
