// SPDX-License-Identifier: Apache-2.0
#include "gallery/gallery_file.h"

#include <algorithm>
#include <optional>

#include "core/files.h"
#include "gallery/gallery_test_data.h"

namespace shoplens {
namespace {

namespace fs = std::filesystem;

class GalleryFileTest : public GalleryFolder {
 protected:
  // No temporary, -wal or -shm file is left once all is closed.
  void expect_only(const std::vector<std::string>& names) const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder))
      found.push_back(entry.path().filename());
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, names);
  }
};

TEST_F(GalleryFileTest, BuildDoesNotOverwriteUnlessTold) {
  const auto path = build("g.db", 2);
  const auto again = [&](bool overwrite) {
    build_gallery(path, kTestModel, {}, test_items(5, "b"), unit_vectors(5, 8, 5), overwrite);
  };
  EXPECT_EQ(error_of([&] { again(false); }).hint, "--force overwrites it");
  EXPECT_EQ(Gallery(path).size(), 2);
  again(true);
  EXPECT_EQ(Gallery(path).size(), 5);
  EXPECT_TRUE(Gallery(path).verify().empty());
  expect_only({"g.db"});
}

TEST_F(GalleryFileTest, SnapshotAndRestoreGiveTheStateBack) {
  const auto path = build("g.db", 4);
  const auto before = Gallery(path).content();
  snapshot_gallery(path, folder / "s.db", false);
  EXPECT_EQ(error_of([&] { snapshot_gallery(path, folder / "s.db", false); }).code,
            ErrorCode::kBadInput);
  Gallery(path).remove_labels({"pear"});
  write_file(index_file_of(path), "vectors of later photos");
  restore_gallery(folder / "s.db", path, false);
  EXPECT_FALSE(fs::exists(index_file_of(path)));
  EXPECT_EQ(Gallery(path).content().vectors, before.vectors);
  EXPECT_TRUE(Gallery(path).verify().empty());
  restore_gallery(folder / "s.db", folder / "new.db", false);
  EXPECT_EQ(Gallery(folder / "new.db").size(), 4);
  expect_only({"g.db", "new.db", "s.db"});
}

TEST_F(GalleryFileTest, AnIdGivenAfterASnapshotIsNotGivenAgainAfterItsRestore) {
  const auto path = build("g.db", 4);
  snapshot_gallery(path, folder / "s.db", false);
  const auto last_id = [&](const std::string& prefix) {
    Gallery(path).add(kTestModel.fingerprint, test_items(2, prefix), unit_vectors(2, 8, 1),
                      OnExisting::kError);
    return Gallery(path).content().items.back().id;
  };
  const std::int64_t before = last_id("b");
  restore_gallery(folder / "s.db", path, false);
  EXPECT_EQ(last_id("c"), before + 2);
  snapshot_gallery(path, folder / "later.db", false);
  restore_gallery(folder / "s.db", path, false);
  restore_gallery(folder / "later.db", path, false);  // one that has given more ids than the old
  EXPECT_EQ(last_id("d"), before + 4);
}

TEST_F(GalleryFileTest, RestoreOverAGalleryThatIsOpenAndHasAWal) {
  const auto path = build("g.db", 4);
  snapshot_gallery(path, folder / "s.db", false);
  std::optional<Gallery> open(path);
  open->add(kTestModel.fingerprint, test_items(100, "b"), unit_vectors(100, 8, 1),
            OnExisting::kError);
  ASSERT_TRUE(fs::exists(path.string() + "-wal"));
  restore_gallery(folder / "s.db", path, false);
  EXPECT_EQ(open->size(), 4);  // the open reader goes on, with the restored state
  open.reset();
  EXPECT_EQ(Gallery(path).size(), 4);
  EXPECT_TRUE(Gallery(path).verify().empty());
}

TEST_F(GalleryFileTest, RestoreOfADamagedSnapshotLeavesTheGalleryAlone) {
  const auto path = build("g.db", 4);
  snapshot_gallery(path, folder / "s.db", false);
  std::string bytes = read_file(folder / "s.db");
  write_file(folder / "s.db", bytes.substr(0, bytes.size() / 2));
  EXPECT_EQ(error_of([&] { restore_gallery(folder / "s.db", path, false); }).code,
            ErrorCode::kCorrupt);
  EXPECT_EQ(Gallery(path).size(), 4);
}

TEST_F(GalleryFileTest, RestoreOverADamagedGalleryNeedsForceAndDropsItsWal) {
  const auto path = build("g.db", 4);
  snapshot_gallery(path, folder / "s.db", false);
  write_file(path, "rubbish");
  write_file(path.string() + "-wal", "rubbish");
  EXPECT_EQ(error_of([&] { restore_gallery(folder / "s.db", path, false); }).code,
            ErrorCode::kBadInput);
  EXPECT_EQ(read_file(path), "rubbish");
  restore_gallery(folder / "s.db", path, true);
  EXPECT_EQ(Gallery(path).size(), 4);
  expect_only({"g.db", "s.db"});
}

TEST_F(GalleryFileTest, OutOfReachIsNotAbsent) {
  const fs::path loop = folder / "loop";
  fs::create_symlink("loop", loop);  // nobody may pass
  for (const fs::path& path : {loop, loop / "g.db"}) {
    EXPECT_EQ(error_of([&] { Gallery gallery(path); }).code, ErrorCode::kIo);
    EXPECT_EQ(error_of([&] { check_writable(path, false); }).code, ErrorCode::kIo);
  }
  expect_only({"loop"});
}

TEST_F(GalleryFileTest, SourcesAreRelativeToTheGallery) {
  EXPECT_EQ(relative_to_gallery(folder / "photos/a.jpg", folder / "g.db"), "photos/a.jpg");
  EXPECT_EQ(relative_to_gallery(folder / "a.jpg", folder / "sub/g.db"), "../a.jpg");
}

}  // namespace
}  // namespace shoplens
