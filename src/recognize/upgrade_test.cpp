// SPDX-License-Identifier: Apache-2.0
#include "recognize/upgrade.h"

#include "gallery/gallery_file.h"
#include "recognize/embed_photos.h"
#include "recognize/recognizer.h"
#include "recognize/test_catalogue.h"

namespace shoplens {
namespace {

class UpgradeTest : public TestCatalogue {
 protected:
  UpgradeTest() { write_tiny_model(folder / "next.onnx", 24, 12, 5); }

  Gallery build() const {
    const Pipeline pipeline = open(1);
    const auto embedded = embed_photos(pipeline, photos, {4, 2});
    std::vector<GalleryItem> items;
    for (const auto& photo : photos)
      items.push_back({0, "label", photo.filename(), photo.filename(), {}});
    PipelineSpec spec = pipeline.spec();
    spec.models[0].path = "model.onnx";
    spec.decide.k = 7;
    build_gallery(
        folder / "g.db",
        {pipeline.fingerprint(), pipeline.arch(), pipeline.dim(), (folder / "model.onnx").string()},
        {{"pipeline", to_toml(spec)}, {"calibration", "of the old model"}}, items,
        embedded.embeddings, true);
    return Gallery(folder / "g.db");
  }
  Pipeline next() const {
    return Pipeline({.models = {{(folder / "next.onnx").string(), ""}}}, runtime(2));
  }
  static bool go_on(std::int64_t, std::int64_t) { return true; }
};

TEST_F(UpgradeTest, GivesWhatBuildingAnewGives) {
  Gallery gallery = build();
  gallery.keep_photo(3, read_file(photos[2]));  // one whose file is gone
  std::filesystem::remove(photos[2]);
  const Pipeline pipeline = next();
  const UpgradeResult result = upgrade_gallery(gallery, pipeline, {.batch_size = 2}, go_on);
  EXPECT_TRUE(result.switched);
  EXPECT_EQ(result.embedded, 9);
  EXPECT_EQ(gallery.model().fingerprint, pipeline.fingerprint());
  EXPECT_TRUE(gallery.verify().empty());
  EXPECT_EQ(gallery.note("calibration"), "");
  const PipelineSpec spec = pipeline_of(gallery);
  EXPECT_EQ(spec.models[0].path, "next.onnx");
  EXPECT_EQ(spec.decide.k, 7);
  write_file(photos[2], *gallery.photo(3));
  const auto anew = embed_photos(pipeline, photos, {2, 2});
  const auto vectors = gallery.content().vectors;
  ASSERT_EQ(vectors.size(), anew.embeddings.size());
  for (std::size_t i = 0; i < vectors.size(); ++i)
    EXPECT_NEAR(vectors[i], anew.embeddings[i], 1e-5);
}

TEST_F(UpgradeTest, APipelineThatChangedMeanwhileIsNotReplaced) {
  Gallery gallery = build(), other(folder / "g.db");
  const PipelineSpec before = pipeline_of(gallery);
  PipelineSpec learnt = before;
  learnt.decide.k = 3;
  EXPECT_TRUE(upgrade_gallery(other, next(), {.batch_size = 2}, go_on).switched);
  EXPECT_THROW(replace_pipeline(gallery, before, learnt, std::nullopt), Error);
  EXPECT_EQ(pipeline_of(Gallery(folder / "g.db")).models[0].path, "next.onnx");
  const PipelineSpec now = pipeline_of(other);
  PipelineSpec wanted = now;
  wanted.decide.k = 3;
  replace_pipeline(other, now, wanted, std::nullopt);
  EXPECT_EQ(pipeline_of(Gallery(folder / "g.db")).decide.k, 3);
}

TEST_F(UpgradeTest, GoesOnWhereItEnded) {
  Gallery gallery = build();
  const Pipeline pipeline = next();
  int calls = 0;
  const auto twice = [&](std::int64_t, std::int64_t total) {
    EXPECT_EQ(total, 9);
    return ++calls <= 2;
  };
  const UpgradeResult first = upgrade_gallery(gallery, pipeline, {.batch_size = 1}, twice);
  EXPECT_FALSE(first.switched);
  EXPECT_EQ(first.embedded, 4);  // two batches on each of two streams
  EXPECT_NE(gallery.model().fingerprint, pipeline.fingerprint());
  const UpgradeResult second = upgrade_gallery(gallery, pipeline, {}, go_on);
  EXPECT_TRUE(second.switched);
  EXPECT_EQ(second.embedded, 5);
}

TEST_F(UpgradeTest, APhotoThatCannotBeReadKeepsTheOldModelUnlessItMayGo) {
  Gallery gallery = build();
  write_file(photos[4], "no photo");
  std::filesystem::remove(photos[6]);
  const Pipeline pipeline = next();
  const UpgradeResult kept = upgrade_gallery(gallery, pipeline, {}, go_on);
  EXPECT_FALSE(kept.switched);
  ASSERT_EQ(kept.unreadable.size(), 2u);
  EXPECT_EQ(gallery.size(), 9);
  EXPECT_NE(gallery.model().fingerprint, pipeline.fingerprint());
  const UpgradeResult dropped =
      upgrade_gallery(gallery, pipeline, {.drop_unreadable = true}, go_on);
  EXPECT_TRUE(dropped.switched);
  EXPECT_EQ(gallery.size(), 7);
  EXPECT_TRUE(gallery.verify().empty());
}

TEST_F(UpgradeTest, MayWriteThroughAnother) {
  Gallery gallery = build(), other(gallery.path());
  const Pipeline pipeline = next();
  int writes = 0;
  UpgradeOptions options{.batch_size = 2};
  options.write = [&](const std::function<void(Gallery&)>& write) {
    const std::int64_t before = gallery.data_version();
    write(other);
    EXPECT_NE(gallery.data_version(), before);
    ++writes;
  };
  EXPECT_TRUE(upgrade_gallery(gallery, pipeline, options, go_on).switched);
  EXPECT_EQ(writes, 5);
  EXPECT_EQ(gallery.model().fingerprint, pipeline.fingerprint());
}

TEST_F(UpgradeTest, TakesInWhatIsAddedMeanwhile) {
  Gallery gallery = build(), other(gallery.path());
  const Pipeline pipeline = next();
  bool added = false;
  const auto add_once = [&](std::int64_t done, std::int64_t total) {
    if (done == total && !added) {
      std::vector<float> vector(16, 0.25f);
      other.add(other.model().fingerprint, std::vector<GalleryItem>{{0, "new", "new", "8.png", {}}},
                vector, OnExisting::kError);
      added = true;
    }
    return true;
  };
  EXPECT_TRUE(upgrade_gallery(gallery, pipeline, {}, add_once).switched);
  EXPECT_EQ(gallery.content().items.size(), 10u);
}

}  // namespace
}  // namespace shoplens
