// SPDX-License-Identifier: Apache-2.0
#include "shoplens/shoplens.h"

#include "gallery/gallery_file.h"
#include "recognize/embed_photos.h"
#include "recognize/test_catalogue.h"

namespace shoplens {
namespace {

class LibraryTest : public TestCatalogue {
 protected:
  LibraryTest() {
    const Pipeline pipeline = open(1);
    const auto embedded = embed_photos(pipeline, photos, {});
    std::vector<GalleryItem> items;
    for (const auto& photo : photos)
      items.push_back({0, photo.stem(), photo.filename(), photo.filename(), {}});
    build_gallery(folder / "g.db",
                  {pipeline.fingerprint(), pipeline.arch(), pipeline.dim(), "model.onnx"}, {},
                  items, embedded.embeddings, true);
  }
  v1::Recognizer recognizer(v1::Options options = {}) const {
    options.precision = "f32";
    return v1::Recognizer(folder / "g.db", options);
  }
  // The error of body(); fails the test when there is none.
  template <class Body>
  static v1::Error error_of(const Body& body) {
    try {
      body();
    } catch (const v1::Error& e) {
      return e;
    }
    ADD_FAILURE() << "no error";
    return {v1::ErrorCode::kInternal, "", ""};
  }
};

TEST_F(LibraryTest, APhotoIsNamedAlikeAsFileAsBytesAndAmongOthers) {
  const v1::Recognizer named = recognizer({.streams = 2, .batch_size = 2, .top = 3});
  EXPECT_FALSE(named.calibrated());
  std::vector<std::string> files;
  for (const auto& photo : photos) files.push_back(read_file(photo));
  const auto all = named.recognize_all(std::vector<std::string_view>(files.begin(), files.end()));
  const auto all_files = named.recognize_files(photos);
  ASSERT_EQ(all.size(), photos.size());
  ASSERT_EQ(all_files.size(), photos.size());
  for (std::size_t i = 0; i < photos.size(); ++i)
    for (const v1::Answer& answer :
         {named.recognize_file(photos[i]), named.recognize(files[i]),
          named.recognize(std::as_bytes(std::span(files[i]))), std::get<v1::Answer>(all[i]),
          std::get<v1::Answer>(all_files[i])}) {
      EXPECT_EQ(answer.label, std::to_string(i));
      EXPECT_NEAR(answer.score, 1, 1e-5);
      EXPECT_FALSE(answer.probability);
      EXPECT_FALSE(answer.unknown);
      ASSERT_EQ(answer.neighbours.size(), 3u);
      EXPECT_EQ(answer.neighbours[0].id, static_cast<std::int64_t>(i) + 1);
      EXPECT_EQ(answer.neighbours[0].path, std::to_string(i) + ".png");
    }
}

TEST_F(LibraryTest, APhotoThatCannotBeReadHarmsNoOther) {
  photos.insert(photos.begin() + 1, folder / "absent.png");
  const auto outcomes = recognizer().recognize_files(photos);
  EXPECT_EQ(std::get<v1::Error>(outcomes[1]).code(), v1::ErrorCode::kNotFound);
  EXPECT_EQ(std::get<v1::Answer>(outcomes[0]).label, "0");
  EXPECT_EQ(std::get<v1::Answer>(outcomes[2]).label, "1");

  const std::string sound = read_file(photos[0]);
  const auto bytes =
      recognizer().recognize_all(std::vector<std::string_view>{sound, "no image", sound});
  EXPECT_EQ(std::get<v1::Error>(bytes[1]).what(),
            std::string("decode_image: want JPEG, PNG or WebP, got text (photo 1)"));
  EXPECT_EQ(std::get<v1::Answer>(bytes[2]).label, "0");
  EXPECT_TRUE(recognizer().recognize_all({}).empty());
}

TEST_F(LibraryTest, ErrorsAreTheLibrarysOwnAndSayWhatToDo) {
  const auto absent = error_of([&] { v1::Recognizer(folder / "none.db"); });
  EXPECT_EQ(absent.code(), v1::ErrorCode::kNotFound);
  EXPECT_NE(std::string(absent.what()).find("none.db"), std::string::npos);
  EXPECT_FALSE(absent.hint().empty());
  EXPECT_EQ(error_of([&] { recognizer().recognize("GIF89a"); }).code(),
            v1::ErrorCode::kUnsupported);
  EXPECT_EQ(error_of([&] { recognizer({.top = 0}); }).code(), v1::ErrorCode::kBadInput);
  EXPECT_EQ(error_of([&] { recognizer({.streams = 0}); }).code(), v1::ErrorCode::kBadInput);
  EXPECT_EQ(error_of([&] { recognizer({.models = {"a.onnx", "b.onnx"}}); }).code(),
            v1::ErrorCode::kBadInput);
}

TEST_F(LibraryTest, ModelsMayBeElsewhere) {
  std::filesystem::rename(folder / "model.onnx", folder / "moved.onnx");
  EXPECT_EQ(error_of([&] { recognizer(); }).code(), v1::ErrorCode::kNotFound);
  EXPECT_EQ(recognizer({.models = {folder / "moved.onnx"}}).recognize_file(photos[4]).label, "4");
}

}  // namespace
}  // namespace shoplens
