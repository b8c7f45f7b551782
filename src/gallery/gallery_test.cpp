// SPDX-License-Identifier: Apache-2.0
#include "gallery/gallery.h"

#include <sqlite3.h>

#include <limits>

#include "core/files.h"
#include "gallery/gallery_test_data.h"

namespace shoplens {
namespace {

class GalleryTest : public GalleryFolder {
 protected:
  static void sql(const std::filesystem::path& path, const std::string& text) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, text.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
};

TEST_F(GalleryTest, GivesBackWhatWasAdded) {
  Gallery gallery(build("g.db", 3));
  const GalleryContent content = gallery.content();
  ASSERT_EQ(content.items.size(), 3u);
  EXPECT_EQ(content.vectors, unit_vectors(3, 8, 3));
  EXPECT_EQ(content.items[1].id, 2);
  EXPECT_EQ(content.items[1].label, "pear");
  EXPECT_EQ(content.items[1].path, "a1.jpg");
  EXPECT_EQ(content.items[1].source, "photos/a1.jpg");
  EXPECT_EQ(content.items[1].columns,
            (std::vector<std::pair<std::string, std::string>>{{"coarse_label", "fruit"}}));
  EXPECT_EQ(gallery.label_counts(),
            (std::map<std::string, std::int64_t>{{"apple", 2}, {"pear", 1}}));
  EXPECT_EQ(gallery.note("pipeline"), "as the apps write it");
  EXPECT_EQ(gallery.note("no such"), "");
  EXPECT_EQ(gallery.model().path, "model.onnx");
  EXPECT_TRUE(gallery.verify().empty());
}

TEST_F(GalleryTest, KeepsNotesAndArrays) {
  Gallery gallery(build("g.db", 3));
  EXPECT_FALSE(gallery.array("whitening"));
  const GalleryArray array{2, 3, {1, 2, 3, 4, 5, 6}};
  gallery.configure({{"pipeline", "another"}, {"new", "note"}}, {{"whitening", array}});
  const Gallery again(gallery.path());
  EXPECT_EQ(again.note("pipeline"), "another");
  EXPECT_EQ(again.note("new"), "note");
  EXPECT_EQ(again.array("whitening"), array);
  EXPECT_TRUE(again.verify().empty());
  gallery.configure({}, {});  // the arrays are those given, and no others
  EXPECT_FALSE(again.array("whitening"));
  EXPECT_EQ(again.note("new"), "note");
}

TEST_F(GalleryTest, VerifyFindsADamagedArray) {
  Gallery gallery(build("g.db", 3));
  gallery.configure({}, {{"whitening", {1, 2, {1, 2}}}});
  sql(gallery.path(), "UPDATE arrays SET data = x'00000000'");
  const auto faults = gallery.verify();
  ASSERT_EQ(faults.size(), 2u);
  EXPECT_EQ(faults[0], "array whitening: its content does not match its checksum");
  EXPECT_EQ(faults[1], "array whitening: want 1 x 2 floats, got 4 bytes");
  EXPECT_THROW(gallery.array("whitening"), Error);
}

TEST_F(GalleryTest, ExistingPathIsAnErrorSkippedOrReplaced) {
  Gallery gallery(build("g.db", 3));
  auto items = test_items(1, "a");
  const auto fresh = test_items(1, "new");
  items.push_back(fresh[0]);
  items[0].label = "plum";
  const auto vectors = unit_vectors(2, 8, 77);
  const auto& fingerprint = kTestModel.fingerprint;
  const Error error =
      error_of([&] { gallery.add(fingerprint, items, vectors, OnExisting::kError); });
  EXPECT_EQ(error.code, ErrorCode::kBadInput);
  EXPECT_EQ(std::string(error.what()),
            "gallery: want new paths, a0.jpg is already in the gallery (" +
                gallery.path().string() + ")");
  EXPECT_EQ(gallery.size(), 3);
  AddCounts counts = gallery.add(fingerprint, items, vectors, OnExisting::kSkip);
  EXPECT_EQ(counts.added, 1);
  EXPECT_EQ(counts.skipped, 1);
  counts = gallery.add(fingerprint, items, vectors, OnExisting::kReplace);
  EXPECT_EQ(counts.replaced, 2);
  EXPECT_EQ(counts.added, 0);
  EXPECT_EQ(gallery.label_counts(),
            (std::map<std::string, std::int64_t>{{"apple", 2}, {"pear", 1}, {"plum", 1}}));
  EXPECT_EQ(gallery.existing({"x", "a2.jpg", "new0.jpg"}),
            (std::vector<std::string>{"a2.jpg", "new0.jpg"}));
  EXPECT_TRUE(gallery.verify().empty());
}

TEST_F(GalleryTest, RefusesVectorsOfAnotherModel) {
  Gallery gallery(build("g.db", 1));
  const Error error = error_of([&] {
    gallery.add(std::string(64, 'b'), test_items(1, "b"), unit_vectors(1, 8, 1),
                OnExisting::kError);
  });
  EXPECT_EQ(error.code, ErrorCode::kBadInput);
  EXPECT_NE(std::string(error.what())
                .find("want embeddings of model aaaaaaaaaaaa (tiny), got model bbbbbbbbbbbb"),
            std::string::npos)
      << error.what();
}

TEST_F(GalleryTest, RefusesVectorsThatAreNotUnitLengthOrOfAnotherSize) {
  Gallery gallery(build("g.db", 1));
  const auto items = test_items(1, "b");
  const auto add = [&](const std::vector<float>& v) {
    return error_of([&] { gallery.add(kTestModel.fingerprint, items, v, OnExisting::kError); })
        .code;
  };
  EXPECT_EQ(add(std::vector<float>(8, 1.f)), ErrorCode::kBadInput);
  EXPECT_EQ(add(std::vector<float>(8, std::numeric_limits<float>::quiet_NaN())),
            ErrorCode::kBadInput);
  EXPECT_EQ(add(unit_vectors(1, 7, 1)), ErrorCode::kBadInput);
}

TEST_F(GalleryTest, NothingOfWhatIsRemovedStaysInAnIndexBesideIt) {
  const auto path = build("g.db", 6);
  Gallery gallery(path);
  write_file(index_file_of(path), "vectors");
  EXPECT_EQ(gallery.remove_ids({99}), 0);
  EXPECT_TRUE(std::filesystem::exists(index_file_of(path)));
  EXPECT_EQ(gallery.remove_ids({1}), 1);
  EXPECT_FALSE(std::filesystem::exists(index_file_of(path)));
}

TEST_F(GalleryTest, NothingOfWhatIsReplacedStaysInAnIndexBesideIt) {
  const auto path = build("g.db", 6);
  Gallery gallery(path);
  write_file(index_file_of(path), "vectors");
  const auto add = [&](const std::string& prefix, OnExisting on_existing) {
    gallery.add(kTestModel.fingerprint, test_items(2, prefix), unit_vectors(2, 8, 5), on_existing);
  };
  add("a", OnExisting::kSkip);
  add("b", OnExisting::kReplace);  // of which none is there
  EXPECT_TRUE(std::filesystem::exists(index_file_of(path)));
  add("a", OnExisting::kReplace);
  EXPECT_FALSE(std::filesystem::exists(index_file_of(path)));
}

TEST_F(GalleryTest, RemovesByIdLabelOrPathAndNeverUsesAnIdTwice) {
  Gallery gallery(build("g.db", 5));
  EXPECT_EQ(gallery.remove_ids({5, 99}), 1);
  EXPECT_EQ(gallery.remove_paths({"a0.jpg", "nothing"}), 1);
  EXPECT_EQ(gallery.remove_labels({"pear"}), 2);
  EXPECT_EQ(gallery.label_counts(), (std::map<std::string, std::int64_t>{{"apple", 1}}));
  gallery.add(kTestModel.fingerprint, test_items(1, "b"), unit_vectors(1, 8, 1),
              OnExisting::kError);
  EXPECT_EQ(gallery.items().back().id, 6);
  EXPECT_TRUE(gallery.verify().empty());
}

TEST_F(GalleryTest, WhatIsNoGalleryIsNamed) {
  const auto code = [&](const std::filesystem::path& path) {
    const Error error = error_of([&] { Gallery gallery(path); });
    EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << error.what();
    return error.code;
  };
  EXPECT_EQ(code(folder / "absent.db"), ErrorCode::kNotFound);
  EXPECT_EQ(code(folder), ErrorCode::kBadInput);
  write_file(folder / "text.db", std::string(5000, 'x'));
  EXPECT_EQ(code(folder / "text.db"), ErrorCode::kCorrupt);
  write_file(folder / "empty.db", "");
  EXPECT_EQ(code(folder / "empty.db"), ErrorCode::kBadInput);
  sql(folder / "other.db", "CREATE TABLE t (x)");
  EXPECT_EQ(code(folder / "other.db"), ErrorCode::kBadInput);
  const auto newer = build("newer.db", 1);
  sql(newer, "PRAGMA user_version = 4");
  EXPECT_EQ(code(newer), ErrorCode::kUnsupported);
}

TEST_F(GalleryTest, VerifyTellsEveryFault) {
  const auto path = build("g.db", 4);
  sql(path,
      "UPDATE embeddings SET vector = zeroblob(32) WHERE item_id = 1;"
      "UPDATE embeddings SET vector = zeroblob(31) WHERE item_id = 2;"
      "DELETE FROM embeddings WHERE item_id = 3;"
      "UPDATE items SET label_id = 99 WHERE id = 4;"
      "INSERT INTO models (fingerprint, arch, dim, path) VALUES ('f', 'x', 4, 'y'), ('g', 'x', 4, "
      "'y')");
  EXPECT_EQ(Gallery(path).verify(),
            (std::vector<std::string>{"row 4 of items refers to nothing in labels",
                                      "want 1 model, or 2 during an upgrade, found 3",
                                      "item 3 (a2.jpg) has no embedding",
                                      "item 1: its content does not match its checksum",
                                      "item 1: want an embedding of length 1, got 0",
                                      "item 2: its content does not match its checksum",
                                      "item 2: want 8 components, got 31 bytes",
                                      "item 4: its content does not match its checksum"}));
}

// Cut or overwritten anywhere, a gallery is refused or its faults are told; it never crashes or
// passes silently.
TEST_F(GalleryTest, ASpoiltVectorIsNeverCompared) {
  const auto path = build("g.db", 3);
  const auto code = [&] {
    try {
      Gallery(path).content();
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("item 2 "), std::string::npos) << e.what();
      return e.code;
    }
    return ErrorCode::kInternal;
  };
  sql(path,
      "UPDATE embeddings SET vector = (SELECT vector FROM embeddings WHERE item_id = 3) "
      "WHERE item_id = 2");
  EXPECT_EQ(code(), ErrorCode::kCorrupt);
}

TEST_F(GalleryTest, DamageOnDiskIsFound) {
  const auto path = build("g.db", 200);
  const std::string bytes = read_file(path);
  const auto whole = Gallery(path).content();
  int found = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 4096 / 2) {
    for (const bool cut : {true, false}) {
      std::string damaged = cut ? bytes.substr(0, at) : bytes;
      if (!cut)
        damaged.replace(at, std::min<std::size_t>(64, bytes.size() - at), std::string(64, '\x5a'));
      write_file(folder / "damaged.db", damaged);
      try {
        const Gallery gallery(folder / "damaged.db");
        if (!gallery.verify().empty()) {
          ++found;
          continue;
        }
        const auto content = gallery.content();  // the damage is in a page's unused space
        EXPECT_EQ(content.vectors, whole.vectors) << at;
        for (std::size_t i = 0; i < whole.items.size(); ++i) {
          EXPECT_EQ(content.items[i].path, whole.items[i].path) << at;
          EXPECT_EQ(content.items[i].label, whole.items[i].label) << at;
        }
      } catch (const Error& e) {
        ++found;
        EXPECT_NE(e.code, ErrorCode::kInternal) << e.what();
      }
    }
  }
  EXPECT_GT(found, 40);
}

TEST_F(GalleryTest, FindsTheModelBesideOrWhereItWasRecorded) {
  const auto path = build("g.db", 1);
  const Error error = error_of([&] { Gallery(path).find_model("model.onnx"); });
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  write_file(folder / "model.onnx", "x");
  EXPECT_EQ(Gallery(path).find_model("model.onnx"), folder / "model.onnx");
  std::filesystem::create_directories(folder / "elsewhere");
  std::filesystem::copy_file(path, folder / "elsewhere/g.db");
  EXPECT_EQ(Gallery(folder / "elsewhere/g.db").find_model("../model.onnx"),
            folder / "model.onnx");  // from where it was made
  // Where that is out of reach, beside it.
  std::filesystem::create_symlink("hidden", folder / "hidden");
  write_file(folder / "elsewhere/model.onnx", "x");
  EXPECT_EQ(Gallery(folder / "elsewhere/g.db").find_model("hidden/model.onnx"),
            folder / "elsewhere/model.onnx");
}

TEST_F(GalleryTest, AReaderSeesOneStateWhileAnotherWrites) {
  const auto path = build("g.db", 2);
  Gallery reader(path), writer(path);
  EXPECT_EQ(reader.size(), 2);
  writer.add(kTestModel.fingerprint, test_items(3, "b"), unit_vectors(3, 8, 1), OnExisting::kError);
  EXPECT_EQ(reader.content().items.size(), 5u);
  auto state = reader.one_state();
  EXPECT_EQ(reader.size(), 5);
  writer.add(kTestModel.fingerprint, test_items(2, "c"), unit_vectors(2, 8, 2), OnExisting::kError);
  EXPECT_EQ(reader.size(), 5);
  EXPECT_EQ(reader.content().items.size(), 5u);
  state = nullptr;
  EXPECT_EQ(reader.size(), 7);
}

}  // namespace
}  // namespace shoplens
