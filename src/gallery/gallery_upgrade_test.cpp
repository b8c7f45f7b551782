// SPDX-License-Identifier: Apache-2.0
#include "gallery/gallery_test_data.h"

namespace shoplens {
namespace {

const GalleryModel kNext{std::string(64, 'b'), "wider", 12, "next.onnx"};

class GalleryUpgradeTest : public GalleryFolder {
 protected:
  static void embed_all(Gallery& gallery) {
    const auto items = gallery.items_to_upgrade(0, 100);
    gallery.add_upgraded(kNext.fingerprint, items, unit_vectors(items.size(), kNext.dim, 3));
  }
};

TEST_F(GalleryUpgradeTest, IsUnseenUntilItIsComplete) {
  Gallery gallery(build("g.db", 5));
  const GalleryContent before = gallery.content();
  gallery.begin_upgrade(kNext);
  EXPECT_EQ(gallery.count_to_upgrade(), 5);
  const auto items = gallery.items_to_upgrade(1, 2);
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].id, 2);
  gallery.add_upgraded(kNext.fingerprint, items, unit_vectors(2, kNext.dim, 3));
  EXPECT_EQ(gallery.count_to_upgrade(), 3);
  EXPECT_TRUE(gallery.verify().empty());
  EXPECT_FALSE(gallery.finish_upgrade(kNext.fingerprint, {{"pipeline", "next"}}, {}));
  EXPECT_EQ(gallery.model().fingerprint, kTestModel.fingerprint);
  EXPECT_EQ(gallery.content().vectors, before.vectors);
  EXPECT_EQ(gallery.note("pipeline"), "as the apps write it");
}

TEST_F(GalleryUpgradeTest, SwitchesAtOnce) {
  Gallery gallery(build("g.db", 5)), other(gallery.path());
  gallery.configure({}, {{"whitening", {1, 1, {2.0f}}}});
  gallery.begin_upgrade(kNext);
  embed_all(gallery);
  ASSERT_TRUE(gallery.finish_upgrade(kNext.fingerprint, {{"pipeline", "next"}}, {}));
  EXPECT_EQ(gallery.model().fingerprint, kNext.fingerprint);
  EXPECT_EQ(gallery.content().vectors, unit_vectors(5, kNext.dim, 3));
  EXPECT_EQ(gallery.note("pipeline"), "next");
  EXPECT_FALSE(gallery.array("whitening"));
  EXPECT_TRUE(gallery.verify().empty());
  // Whoever opened it before cannot mix vectors of the two.
  const Error error = error_of([&] {
    other.add(kTestModel.fingerprint, test_items(1, "late"), unit_vectors(1, 8, 1),
              OnExisting::kError);
  });
  EXPECT_EQ(error.code, ErrorCode::kBadInput);
  EXPECT_NE(std::string(error.what()).find("want embeddings of model bbbb"), std::string::npos);
}

TEST_F(GalleryUpgradeTest, FollowsChangesMadeMeanwhile) {
  Gallery gallery(build("g.db", 4)), other(gallery.path());
  gallery.begin_upgrade(kNext);
  const auto items = gallery.items_to_upgrade(0, 100);
  other.remove_ids({2});
  other.rename_label("apple", "plum");
  gallery.add_upgraded(kNext.fingerprint, items, unit_vectors(4, kNext.dim, 3));
  other.rename_label("plum", "fig");
  other.add(kTestModel.fingerprint, test_items(1, "late"), unit_vectors(1, 8, 1),
            OnExisting::kError);
  EXPECT_FALSE(gallery.finish_upgrade(kNext.fingerprint, {}, {}));
  ASSERT_EQ(gallery.count_to_upgrade(), 1);
  // As if its photo could not be read.
  const std::int64_t late = gallery.items_to_upgrade(0, 1)[0].id;
  EXPECT_TRUE(gallery.finish_upgrade(kNext.fingerprint, {}, {late}));
  EXPECT_EQ(gallery.size(), 3);
  EXPECT_TRUE(gallery.verify().empty()) << gallery.verify()[0];
}

TEST_F(GalleryUpgradeTest, GoesOnAfterAnEndAndIsDroppedForAnother) {
  const auto path = build("g.db", 5);
  {
    Gallery gallery(path);
    gallery.begin_upgrade(kNext);
    const auto items = gallery.items_to_upgrade(0, 2);
    gallery.add_upgraded(kNext.fingerprint, items, unit_vectors(2, kNext.dim, 3));
  }
  Gallery gallery(path);
  gallery.begin_upgrade(kNext);
  EXPECT_EQ(gallery.count_to_upgrade(), 3);
  const GalleryModel third{std::string(64, 'c'), "third", 4, "third.onnx"};
  gallery.begin_upgrade(third);
  EXPECT_EQ(gallery.count_to_upgrade(), 5);
  const Error error = error_of([&] { embed_all(gallery); });
  EXPECT_NE(std::string(error.what()).find("none is going on"), std::string::npos);
  gallery.drop_upgrade();
  EXPECT_EQ(gallery.count_to_upgrade(), 0);
  EXPECT_TRUE(gallery.verify().empty());
  EXPECT_EQ(error_of([&] { gallery.begin_upgrade(kTestModel); }).code, ErrorCode::kBadInput);
}

}  // namespace
}  // namespace shoplens
