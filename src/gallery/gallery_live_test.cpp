// SPDX-License-Identifier: Apache-2.0
#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "core/files.h"
#include "gallery/gallery_test_data.h"

namespace shoplens {
namespace {

class GalleryLiveTest : public GalleryFolder {
 protected:
  static void sql(const std::filesystem::path& path, const std::string& text) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, text.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
};

TEST_F(GalleryLiveTest, AddSaysTheIds) {
  Gallery gallery(build("g.db", 2));
  const auto more = test_items(3, "a");  // two of them are there
  const auto vectors = unit_vectors(3, 8, 9);
  EXPECT_EQ(gallery.add(kTestModel.fingerprint, more, vectors, OnExisting::kSkip).ids,
            (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(gallery.add(kTestModel.fingerprint, more, vectors, OnExisting::kReplace).ids,
            (std::vector<std::int64_t>{4, 5, 6}));
}

TEST_F(GalleryLiveTest, PagesThroughItems) {
  const Gallery gallery(build("g.db", 5));
  EXPECT_EQ(gallery.items_after(0, 2, "").size(), 2u);
  EXPECT_EQ(gallery.items_after(2, 10, "").size(), 3u);
  const auto pears = gallery.items_after(0, 10, "pear");
  ASSERT_EQ(pears.size(), 2u);
  EXPECT_EQ(pears[1].id, 4);
  EXPECT_EQ(gallery.items_after(0, 10, "plum").size(), 0u);
  EXPECT_EQ(gallery.item(4)->path, "a3.jpg");
  EXPECT_FALSE(gallery.item(6));
}

TEST_F(GalleryLiveTest, PagesThroughLabels) {
  Gallery gallery(build("g.db", 6));
  gallery.relabel({2, 6}, "quince");
  gallery.relabel({5}, "date");
  const auto all = gallery.labels_after(0, 10);
  std::map<std::string, std::int64_t> counts;
  for (const LabelSummary& label : all) counts[label.name] = label.photos;
  EXPECT_EQ(counts, gallery.label_counts());
  EXPECT_EQ(all.back().name, "date");  // the last that came
  EXPECT_EQ(all[all.size() - 2].first_item, 2);
  std::vector<std::string> names;
  std::int64_t after = 0;
  for (auto page = gallery.labels_after(0, 1); !page.empty();
       page = gallery.labels_after(after, 1)) {
    ASSERT_EQ(page.size(), 1u);
    EXPECT_GT(page[0].id, std::exchange(after, page[0].id));
    names.push_back(page[0].name);
    // What goes between two pages takes nothing else with it.
    if (names.size() == 1) gallery.remove_labels({names[0]});
  }
  EXPECT_EQ(names.size(), all.size());
}

TEST_F(GalleryLiveTest, KeepsPhotosUntilTheirItemGoes) {
  Gallery gallery(build("g.db", 2));
  EXPECT_FALSE(gallery.photo(1));
  const std::string bytes("\xff\xd8\0jpeg", 7);
  gallery.keep_photo(1, bytes);
  EXPECT_EQ(gallery.photo(1), bytes);
  EXPECT_TRUE(gallery.verify().empty());
  sql(gallery.path(), "UPDATE photos SET bytes = x'00'");
  EXPECT_NE(gallery.verify().at(0).find("photo of item 1"), std::string::npos);
  gallery.remove_ids({1});
  EXPECT_FALSE(gallery.photo(1));
  EXPECT_TRUE(gallery.verify().empty());
}

TEST_F(GalleryLiveTest, ATransactionSaysWhatItChanged) {
  Gallery gallery(build("g.db", 5));  // apple 1, 3, 5; pear 2, 4
  const auto items = test_items(2, "b");
  const auto vectors = unit_vectors(3, 8, 9);
  const GalleryItem again{0, "fig", "a0.jpg", "", {}};
  const GalleryChanges changes = gallery.transact([&] {
    gallery.add(kTestModel.fingerprint, items, std::span(vectors).first(16), OnExisting::kError);
    gallery.add(kTestModel.fingerprint, {&again, 1}, std::span(vectors).last(8),
                OnExisting::kReplace);
    gallery.add(kTestModel.fingerprint, {&again, 1}, std::span(vectors).first(8),
                OnExisting::kSkip);
    gallery.rename_label("pear", "plum");
    gallery.remove_labels({"plum", "unheard of"});
    gallery.remove_paths({"b0.jpg"});
    gallery.remove_ids({3, 3, 99});
  });
  std::vector<std::int64_t> added;
  for (const GalleryItem& item : changes.added) added.push_back(item.id);
  EXPECT_EQ(added, (std::vector<std::int64_t>{6, 7, 8}));
  EXPECT_EQ(changes.added[0].label, "apple");
  EXPECT_EQ(changes.added[2].path, "a0.jpg");
  EXPECT_EQ(changes.vectors, vectors);
  using Relabelled = decltype(changes.relabelled);
  Relabelled relabelled = changes.relabelled;
  std::sort(relabelled.begin(), relabelled.end());
  EXPECT_EQ(relabelled, (Relabelled{{2, "plum"}, {4, "plum"}, {7, "plum"}}));
  std::vector<std::int64_t> removed = changes.removed;
  std::sort(removed.begin(), removed.end());
  EXPECT_EQ(removed, (std::vector<std::int64_t>{1, 2, 3, 4, 6, 7}));
  EXPECT_FALSE(changes.settings);
  EXPECT_EQ(gallery.size(), 2);
  EXPECT_TRUE(gallery.transact([&] { gallery.write_note("pipeline", ""); }).settings);
}

TEST_F(GalleryLiveTest, WhatFailedIsNotAmongTheChanges) {
  Gallery gallery(build("g.db", 3));
  EXPECT_THROW(gallery.transact([&] {
    gallery.remove_ids({1});
    throw Error(ErrorCode::kBadInput, "half way");
  }),
               Error);
  gallery.remove_ids({2});  // and what is done outside of any is in none
  const GalleryChanges changes = gallery.transact([&] { gallery.remove_ids({3}); });
  EXPECT_EQ(changes.removed, (std::vector<std::int64_t>{3}));
  EXPECT_EQ(gallery.size(), 1);
}

TEST_F(GalleryLiveTest, RenamesAndMergesLabels) {
  Gallery gallery(build("g.db", 5));
  EXPECT_EQ(gallery.rename_label("pear", "a 'new' name"), 2);
  EXPECT_EQ(gallery.label_counts(),
            (std::map<std::string, std::int64_t>{{"a 'new' name", 2}, {"apple", 3}}));
  EXPECT_TRUE(gallery.verify().empty());
  EXPECT_EQ(gallery.rename_label("apple", "a 'new' name"), 3);
  EXPECT_EQ(gallery.label_counts(), (std::map<std::string, std::int64_t>{{"a 'new' name", 5}}));
  EXPECT_EQ(gallery.rename_label("plum", "apple"), 0);
  EXPECT_EQ(gallery.label_counts().size(), 1u);
  EXPECT_EQ(gallery.rename_label("a 'new' name", "a 'new' name"), 5);
  EXPECT_TRUE(gallery.verify().empty());
}

TEST_F(GalleryLiveTest, AnItemThatIsThereTakesTheLastLabel) {
  Gallery gallery(build("g.db", 2));  // apple 1, pear 2
  std::vector<GalleryItem> again = test_items(3, "a");
  for (GalleryItem& item : again) item.label = "pear";
  const auto vectors = unit_vectors(3, 8, 9);
  AddCounts counts;
  const GalleryChanges changes = gallery.transact(
      [&] { counts = gallery.add(kTestModel.fingerprint, again, vectors, OnExisting::kRelabel); });
  EXPECT_EQ(counts.added, 1);
  EXPECT_EQ(counts.skipped, 2);
  EXPECT_EQ(counts.relabelled, 1);
  EXPECT_EQ(counts.ids, (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(gallery.label_counts(), (std::map<std::string, std::int64_t>{{"pear", 3}}));
  using Relabelled = decltype(changes.relabelled);
  EXPECT_EQ(changes.relabelled, (Relabelled{{1, "pear"}}));
  EXPECT_TRUE(gallery.verify().empty());
  EXPECT_EQ(gallery.relabel({2, 99}, "plum"), 1);
  EXPECT_EQ(gallery.relabel({99}, "fig"), 0);
  EXPECT_EQ(gallery.label_counts(),
            (std::map<std::string, std::int64_t>{{"pear", 2}, {"plum", 1}}));
  EXPECT_TRUE(gallery.verify().empty());
}

TEST_F(GalleryLiveTest, AChangeOfManyPartsIsAllOrNothing) {
  Gallery gallery(build("g.db", 2));
  EXPECT_THROW(gallery.transact([&] {
    gallery.remove_ids({1});
    gallery.rename_label("pear", "plum");
    gallery.keep_request("key", {"digest", "answer"});
    throw std::runtime_error("no");
  }),
               std::runtime_error);
  EXPECT_EQ(gallery.size(), 2);
  EXPECT_EQ(gallery.label_counts().count("plum"), 0u);
  EXPECT_FALSE(gallery.done_request("key"));
  gallery.transact([&] {
    gallery.remove_ids({1});
    gallery.keep_request("key", {"digest", "answer"});
  });
  EXPECT_EQ(gallery.size(), 1);
  EXPECT_EQ(gallery.done_request("key")->answer, "answer");
}

TEST_F(GalleryLiveTest, ForgetsOldRequests) {
  Gallery gallery(build("g.db", 1));
  gallery.keep_request("old", {"d", "a"});
  sql(gallery.path(), "UPDATE requests SET time = time - 8 * 86400");
  EXPECT_TRUE(gallery.done_request("old"));
  gallery.keep_request("new", {"d", "a"});
  EXPECT_TRUE(gallery.done_request("old")) << "it is one of the latest, whatever the clock says";
  sql(gallery.path(),
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) INSERT INTO "
      "requests SELECT i, 'd', 'a', strftime('%s', 'now') FROM n");
  gallery.keep_request("last", {"d", "a"});
  EXPECT_FALSE(gallery.done_request("old"));
  EXPECT_EQ(gallery.done_request("new")->digest, "d");
}

TEST_F(GalleryLiveTest, WhatIsKeptAgainAndAgainPushesNothingOutNorIsForgottenAmidIt) {
  Gallery gallery(build("g.db", 1));
  gallery.keep_request("old", {"d", "a"});
  gallery.keep_request("import 1", {"d", "a"}, 7, /*for_good=*/true);
  sql(gallery.path(),
      "UPDATE requests SET time = 0 WHERE key = 'old';"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9997) INSERT INTO "
      "requests SELECT i, 'd', 'a', 0 FROM n");
  for (const char* how_far : {"1", "2", "3"})
    gallery.keep_request("import 1", {"d", how_far}, 7, /*for_good=*/true);
  EXPECT_TRUE(gallery.done_request("old")) << "it is of the latest 10,000";
  for (int i = 0; i < 4; ++i) gallery.keep_request("more" + std::to_string(i), {"d", "a"});
  EXPECT_FALSE(gallery.done_request("old"));
  EXPECT_EQ(gallery.done_request("import 1")->answer, "3");
  gallery.keep_request("import 1", {"d", "ended"});
  sql(gallery.path(), "UPDATE requests SET time = 0 WHERE key = 'import 1'");
  gallery.keep_request("last", {"d", "a"});
  EXPECT_FALSE(gallery.done_request("import 1"));
}

TEST_F(GalleryLiveTest, KeepsTheLastAnswerAndFindsThoseOfAKind) {
  Gallery gallery(build("g.db", 1));
  for (const char* key : {"import 1", "import 2", "imports", "import"})
    gallery.keep_request(key, {"d", key});
  gallery.keep_request("import 1", {"e", "again"});
  EXPECT_EQ(gallery.done_requests("import ", 9),
            (std::vector<DoneRequest>{{"d", "import 2"}, {"e", "again"}}));
  EXPECT_EQ(gallery.done_requests("import ", 1), (std::vector<DoneRequest>{{"d", "import 2"}}));
  gallery.forget_request("import 1");
  EXPECT_FALSE(gallery.done_request("import 1"));
  EXPECT_TRUE(gallery.done_request("import 2"));
}

TEST_F(GalleryLiveTest, LooksAtFewOfManyOldRequestsAtATime) {
  Gallery gallery(build("g.db", 1));
  sql(gallery.path(),
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10500) INSERT INTO "
      "requests SELECT i, 'd', 'a', 0 FROM n");
  const auto rows = [&] {
    std::int64_t count = 0;
    for (int i = 1; i <= 10500; ++i) count += gallery.done_request(std::to_string(i)).has_value();
    return count;
  };
  gallery.keep_request("first", {"d", "a"});
  EXPECT_EQ(rows(), 10400);
  EXPECT_FALSE(gallery.done_request("1"));  // the oldest
  for (int i = 0; i < 6; ++i) gallery.keep_request("more" + std::to_string(i), {"d", "a"});
  EXPECT_EQ(rows(), 10'000 - 6);
}

TEST_F(GalleryLiveTest, FindsTheItemsOfALabelInTheirOrder) {
  Gallery gallery(build("g.db", 6));  // of two labels in turn
  const std::string label = gallery.items()[0].label;
  gallery.relabel({3}, "another");
  EXPECT_TRUE(gallery.has_label("another"));
  EXPECT_FALSE(gallery.has_label("a third"));
  const auto ids = [&](std::int64_t after, std::int64_t limit, const std::string& of) {
    std::vector<std::int64_t> found;
    for (const GalleryItem& item : gallery.items_after(after, limit, of)) found.push_back(item.id);
    return found;
  };
  EXPECT_EQ(ids(0, -1, label), (std::vector<std::int64_t>{1, 5}));
  EXPECT_EQ(ids(1, 1, label), (std::vector<std::int64_t>{5}));
  EXPECT_EQ(ids(0, 10, "another"), (std::vector<std::int64_t>{3}));
  EXPECT_TRUE(ids(0, 10, "a third").empty());
}

TEST_F(GalleryLiveTest, APhotoIsReadFromAFileAlone) {
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);  // reading it would wait for ever
  for (const char* source : {"pipe", ".", "none"}) {
    const GalleryItem item{1, "pear", "p.png", source, {}};
    try {
      read_source(folder / source, item, 1000);
      ADD_FAILURE() << source;
    } catch (const Error& e) {
      EXPECT_EQ(e.code, ErrorCode::kNotFound) << e.what();
    }
  }
}

TEST_F(GalleryLiveTest, AMovedGalleryFindsItsPhotosWhereItWasMade) {
  write_file(folder / "here.png", "photo");
  const GalleryItem item{1, "pear", "p.png", "here.png", {}};
  std::filesystem::create_directory(folder / "elsewhere");
  std::filesystem::copy_file(build("g.db", 1), folder / "elsewhere/g.db");
  const Gallery moved(folder / "elsewhere/g.db");
  EXPECT_EQ(moved.photo_bytes(item, 1000), "photo");
  write_file(folder / "elsewhere/here.png", "the one beside it");
  EXPECT_EQ(moved.photo_bytes(item, 1000), "the one beside it");
}

TEST_F(GalleryLiveTest, APhotoOutOfReachIsAsIfGone) {
  std::filesystem::create_directory(folder / "elsewhere");
  std::filesystem::copy_file(build("g.db", 1), folder / "elsewhere/g.db");
  // Its folder where the gallery was made: a link to itself, which root may not pass either.
  std::filesystem::create_symlink("photos", folder / "photos");
  std::filesystem::create_symlink("photos", folder / "elsewhere/photos");
  write_file(folder / "elsewhere/secret.png", "photo");
  std::filesystem::permissions(folder / "elsewhere/secret.png", std::filesystem::perms::none);
  const Gallery moved(folder / "elsewhere/g.db");
  for (const char* source : {"photos/here.png", "photos", "secret.png"}) {
    if (source == std::string("secret.png") && ::geteuid() == 0) continue;  // it may read all
    try {
      moved.photo_bytes({1, "pear", "p.png", source, {}}, 1000);
      ADD_FAILURE() << source;
    } catch (const Error& e) {
      EXPECT_EQ(e.code, ErrorCode::kNotFound) << e.what();
    }
  }
}

TEST_F(GalleryLiveTest, KeepsTheLatestUnknownPhotos) {
  Gallery gallery(build("g.db", 1));
  for (int i = 1; i <= 4; ++i)
    EXPECT_EQ(gallery.keep_unknown("bytes " + std::to_string(i), "{}", 3), i);
  const auto photos = gallery.unknowns_before(INT64_MAX, 100);
  ASSERT_EQ(photos.size(), 3u);
  EXPECT_EQ(photos[0].id, 4);
  EXPECT_EQ(gallery.keep_unknown("bytes 4", "{}", 3), 4);  // it is there
  EXPECT_EQ(gallery.unknown_count(), 3);
  EXPECT_EQ(gallery.unknown_bytes(4), "bytes 4");
  EXPECT_FALSE(gallery.unknown_bytes(1));
  EXPECT_TRUE(gallery.remove_unknown(4));
  EXPECT_FALSE(gallery.remove_unknown(4));
}

TEST_F(GalleryLiveTest, KeepsOfUnknownPhotosAsManyBytesAsThereIsRoomFor) {
  Gallery gallery(build("g.db", 1));
  for (int i = 1; i <= 4; ++i)
    gallery.keep_unknown("bytes " + std::to_string(i), "{}", 100, /*most_bytes=*/18);
  const auto photos = gallery.unknowns_before(INT64_MAX, 100);
  ASSERT_EQ(photos.size(), 2u);
  EXPECT_EQ(photos[1].id, 3);
  // An answer counts in bytes, as its photo does.
  gallery.keep_unknown("bytes 5", "{\"label\": \"\xc3\xa9\"}", 100, /*most_bytes=*/30);
  EXPECT_EQ(gallery.unknown_count(), 1);
}

TEST_F(GalleryLiveTest, ListsUnknownPhotosInPages) {
  Gallery gallery(build("g.db", 1));
  for (int i = 1; i <= 5; ++i) gallery.keep_unknown("bytes " + std::to_string(i), "{}", 100);
  const auto first = gallery.unknowns_before(INT64_MAX, 2);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].id, 5);
  gallery.keep_unknown("bytes 6", "{}", 100);
  const auto next = gallery.unknowns_before(first[1].id, 2);
  ASSERT_EQ(next.size(), 2u);
  EXPECT_EQ(next[0].id, 3);
  EXPECT_EQ(gallery.unknowns_before(next[1].id, 2).size(), 1u);
}

TEST_F(GalleryLiveTest, SeesThatAnotherConnectionChangedIt) {
  const auto path = build("g.db", 2);
  const Gallery reader(path);
  const auto before = reader.data_version();
  EXPECT_EQ(reader.data_version(), before);
  Gallery(path).remove_ids({1});
  EXPECT_NE(reader.data_version(), before);
}

TEST_F(GalleryLiveTest, OpensAGalleryOfVersion2) {
  const auto path = build("g.db", 2);
  sql(path, "DROP TABLE photos; DROP TABLE requests; DROP TABLE unknowns; PRAGMA user_version = 2");
  Gallery gallery(path);
  gallery.keep_photo(1, "bytes");
  EXPECT_TRUE(gallery.verify().empty());
  EXPECT_EQ(Gallery(path).size(), 2);
}

}  // namespace
}  // namespace shoplens
