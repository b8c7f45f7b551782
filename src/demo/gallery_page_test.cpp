// SPDX-License-Identifier: Apache-2.0
#include "demo/gallery_page.h"

#include <gtest/gtest.h>

#include "core/files.h"
#include "image/encode.h"

namespace shoplens {
namespace {

namespace fs = std::filesystem;

fs::path temporary(const std::string& name) {
  return fs::path(testing::TempDir()) / ("shoplens_page_" + name);
}

std::string page_of(const std::vector<PageRow>& rows, const PageOptions& options = {}) {
  const fs::path path = temporary("page.html");
  write_page(path, {{"Recall@1", "50.0%"}}, rows, options);
  return read_file(path);
}

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t n = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++n;
  return n;
}

PageRow row(const std::string& label, const std::string& predicted, double score) {
  return {temporary("photo.jpg"),
          "q.jpg",
          label,
          predicted,
          score,
          {{temporary("photo.jpg"), predicted, score}},
          ""};
}

TEST(GalleryPage, EscapesWhatComesFromOutside) {
  PageOptions options;
  options.title = "<script>";
  const std::string page = page_of({row("a\"b<i>", "<img src=x onerror=1>", 0.5)}, options);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("<img src=x"), std::string::npos);
  EXPECT_EQ(page.find("<i>"), std::string::npos);
  EXPECT_EQ(escape_html("<&>\"'"), "&lt;&amp;&gt;&quot;&#39;");
}

TEST(GalleryPage, NeedsNoOtherFile) {
  write_file(temporary("photo.jpg"), encode_jpeg(Image(640, 480), 90));
  const std::string page = page_of({row("A", "A", 0.9)});
  EXPECT_EQ(count(page, "<img "), 2u);
  EXPECT_EQ(count(page, "src=\"data:image/jpeg;base64,/9j/"), 2u);
  EXPECT_EQ(count(page, " alt=\""), 2u);
  EXPECT_EQ(page.find("http"), std::string::npos);
  EXPECT_LT(page.size(), 12'000u);  // 640 x 480 photos went in as thumbnails
  fs::remove(temporary("photo.jpg"));
}

TEST(GalleryPage, ShowsTheSurestMistakesFirst) {
  const std::string page = page_of({row("A", "A", 0.99), row("B", "C", 0.3), row("D", "E", 0.8)});
  const auto sure = page.find("It is <strong>D"), unsure = page.find("It is <strong>B"),
             right = page.find("right, score 0.990");
  ASSERT_NE(sure, std::string::npos);
  ASSERT_NE(right, std::string::npos);
  EXPECT_LT(sure, unsure);
  EXPECT_LT(unsure, right);
  EXPECT_NE(page.find("3 query photos, each compared with the gallery; 2 got"), std::string::npos);
}

TEST(GalleryPage, ShowsNoMoreRowsThanAskedFor) {
  PageOptions options;
  options.mistakes = 2;
  options.samples = 3;
  std::vector<PageRow> rows;
  for (int i = 0; i < 10; ++i) rows.push_back(row("A", i % 2 ? "A" : "B", 0.1 * i));
  const std::string page = page_of(rows, options);
  EXPECT_EQ(count(page, "<article class=\"wrong\""), 2u);
  EXPECT_EQ(count(page, "<article class=\"right\""), 3u);
}

TEST(GalleryPage, UnreadablePhotosAndFailedQueriesStillShow) {
  PageRow failed = row("A", "", 0);
  failed.error = "no <photo>";
  const std::string page = page_of({failed});
  EXPECT_EQ(count(page, "class=\"none\""), 2u);
  EXPECT_NE(page.find("no &lt;photo&gt;"), std::string::npos);
}

}  // namespace
}  // namespace shoplens
