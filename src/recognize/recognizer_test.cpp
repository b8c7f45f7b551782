// SPDX-License-Identifier: Apache-2.0
#include "recognize/recognizer.h"

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
      const auto alone = recognizer.embed(picture(static_cast<int>(i)));
      for (std::size_t j = 0; j < 16; ++j)
        EXPECT_NEAR(alone[j], batch.embeddings[i * 16 + j], 1e-5);
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
