// SPDX-License-Identifier: Apache-2.0
#include "serve/catalogue.h"

#include "core/error.h"
#include "gallery/gallery_file.h"
#include "recognize/embed_photos.h"
#include "recognize/test_catalogue.h"
#include "serve/http.h"

namespace shoplens {
namespace {

class CatalogueTest : public TestCatalogue {
 protected:
  CatalogueTest() {
    const Pipeline pipeline = open(1);
    embedded = embed_photos(pipeline, photos, {4, 2}).embeddings;
    std::vector<GalleryItem> items;
    for (std::size_t i = 0; i < 6; ++i)
      items.push_back({0, "label" + std::to_string(i), photos[i].filename(), "", {}});
    build_gallery(
        path(),
        {pipeline.fingerprint(), pipeline.arch(), pipeline.dim(), (folder / "model.onnx").string()},
        {}, items, vectors_of(0, 6), true);
  }

  std::filesystem::path path() const { return folder / "g.db"; }
  std::span<const float> vectors_of(std::size_t first, std::size_t count) const {
    return std::span(embedded).subspan(first * 16, count * 16);
  }
  std::unique_ptr<Catalogue> serve() {
    return std::make_unique<Catalogue>(
        path(),
        [this](const Gallery&) {
          ++opened;
          return std::make_unique<Pipeline>(
              PipelineSpec{.models = {{(folder / "model.onnx").string(), ""}}}, runtime(1));
        },
        BatcherOptions{}, 3);
  }
  std::string nearest(const Catalogue& catalogue, std::size_t photo) const {
    return catalogue.now()->recognizer->answer(vectors_of(photo, 1))[0].label;
  }
  // Adds photo 7 as `label`.
  std::string add(Gallery& gallery, const std::string& label) const {
    const GalleryItem item{0, label, "seven", "", {}};
    gallery.add(gallery.model().fingerprint, {&item, 1}, vectors_of(7, 1), OnExisting::kError);
    return "added " + label;
  }

  std::vector<float> embedded;
  int opened = 0;
};

TEST_F(CatalogueTest, AChangeIsSeenByWhoComesNextAndNotByWhoIsThere) {
  const auto catalogue = serve();
  const auto before = catalogue->now();
  EXPECT_EQ(catalogue->change("", "", [&](Gallery& g) { return add(g, "new"); }), "added new");
  EXPECT_EQ(nearest(*catalogue, 7), "new");
  EXPECT_EQ(catalogue->now()->items, 7);
  EXPECT_EQ(before->items, 6);
  EXPECT_NE(before->recognizer->answer(vectors_of(7, 1))[0].label, "new");
  EXPECT_EQ(opened, 1);  // the networks stay
}

TEST_F(CatalogueTest, AChangeThatFailsChangesNothing) {
  const auto catalogue = serve();
  const auto before = catalogue->now();
  EXPECT_THROW(catalogue->change("key", "digest",
                                 [&](Gallery& g) -> std::string {
                                   add(g, "new");
                                   throw HttpError(404, "not_found", "half way");
                                 }),
               HttpError);
  EXPECT_EQ(catalogue->now(), before);
  EXPECT_EQ(Gallery(path()).size(), 6);
  EXPECT_FALSE(catalogue->answered("key", "digest"));  // so it may be asked again
}

TEST_F(CatalogueTest, AKeyIsForOneRequest) {
  auto catalogue = serve();
  const auto change = [&](const char* digest) {
    return catalogue->change("key", digest, [&](Gallery& g) { return add(g, "new"); });
  };
  EXPECT_EQ(change("digest"), "added new");
  EXPECT_EQ(change("digest"), "added new");
  EXPECT_THROW(change("other"), HttpError);
  catalogue = serve();
  EXPECT_EQ(*catalogue->answered("key", "digest"), "added new");
  EXPECT_EQ(change("digest"), "added new");
  EXPECT_EQ(Gallery(path()).size(), 7);
}

TEST_F(CatalogueTest, TakesInWhatOthersChange) {
  const auto catalogue = serve();
  const auto before = catalogue->now();
  catalogue->refresh();
  EXPECT_EQ(catalogue->now(), before);
  Gallery other(path());
  add(other, "other");
  catalogue->refresh();
  EXPECT_EQ(nearest(*catalogue, 7), "other");
  other.remove_labels({"label0", "label1", "label2", "label3", "label4", "label5", "other"});
  catalogue->refresh();
  EXPECT_EQ(catalogue->now()->recognizer, nullptr);
}

TEST_F(CatalogueTest, PutsASnapshotBack) {
  const auto catalogue = serve();
  catalogue->snapshot(folder / "snapshot.db");
  catalogue->change("", "", [&](Gallery& g) { return add(g, "new"); });
  catalogue->restore(folder / "snapshot.db");
  EXPECT_EQ(catalogue->now()->items, 6);
  EXPECT_NE(nearest(*catalogue, 7), "new");
  write_file(folder / "snapshot.db", "nonsense");
  EXPECT_THROW(catalogue->restore(folder / "snapshot.db"), Error);
  EXPECT_EQ(catalogue->now()->items, 6);
}

}  // namespace
}  // namespace shoplens
