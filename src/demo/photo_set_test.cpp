// SPDX-License-Identifier: Apache-2.0
#include "demo/photo_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "data/manifest.h"
#include "image/decode.h"

namespace shoplens {
namespace {

namespace fs = std::filesystem;

fs::path make_set(const std::string& name, PhotoSetOptions options) {
  options.out = fs::path(testing::TempDir()) / ("shoplens_photo_set_" + name);
  fs::remove_all(options.out);
  write_photo_set(options);
  return options.out;
}

PhotoSetOptions small_set() {
  PhotoSetOptions options;
  options.classes = 6;
  options.train = 2;
  options.val = 1;
  options.test = 2;
  options.size = 64;
  return options;
}

// Hash of all files, names included.
std::string hash_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      files[fs::relative(entry.path(), folder).string()] = read_file(entry.path());
  Sha256 hash;
  for (const auto& [name, bytes] : files) hash.update(name + '\n' + bytes);
  return hash.hex();
}

// What tells the two kinds of photos apart: the brightness of the frame's rim, and how much the
// pixels of the picture's upper left corner differ from one another.
struct Statistics {
  double rim = 0, corner_deviation = 0;
};

Statistics statistics_of(const fs::path& csv) {
  Statistics mean;
  const Manifest manifest = read_manifest(csv);
  for (const fs::path& path : manifest.paths) {
    const Image image = load_image(path);
    double rim = 0, sum = 0, squares = 0;
    for (int x = 0; x < image.width; ++x) rim += image.row(0)[3 * x + 1] / 255.0 / image.width;
    const int corner = image.width / 8;
    for (int y = 0; y < corner; ++y)
      for (int x = 0; x < corner; ++x) {
        const double green = image.row(y)[3 * x + 1] / 255.0;
        sum += green, squares += green * green;
      }
    const double n = corner * corner;
    mean.rim += rim / static_cast<double>(manifest.size());
    mean.corner_deviation += std::sqrt(std::max(squares / n - sum / n * sum / n, 0.0)) /
                             static_cast<double>(manifest.size());
  }
  return mean;
}

TEST(PhotoSet, SameBytesWhateverTheThreads) {
  PhotoSetOptions options = small_set();
  const std::string one = hash_of(make_set("one", options));
  options.threads = 3;
  EXPECT_EQ(one, hash_of(make_set("three", options)));
  options.seed = 2;
  EXPECT_NE(one, hash_of(make_set("other", options)));
}

TEST(PhotoSet, CsvsListThePhotosOfEachSet) {
  const fs::path out = make_set("csv", small_set());
  const Manifest train = read_manifest(out / "train.csv"), val = read_manifest(out / "val.csv"),
                 test = read_manifest(out / "test.csv");
  EXPECT_EQ(train.size(), 12u);
  EXPECT_EQ(val.size(), 6u);
  EXPECT_EQ(test.size(), 12u);
  ASSERT_EQ(train.columns.size(), 1u);
  EXPECT_EQ(train.columns[0].name, "coarse_label");
  EXPECT_EQ(number_labels(train.labels).names, number_labels(test.labels).names);
  for (const Manifest* manifest : {&train, &val, &test})
    for (const fs::path& path : manifest->paths) {
      const Image image = load_image(path);
      EXPECT_EQ(image.width, 64);
      EXPECT_EQ(image.height, 64);
    }
}

TEST(PhotoSet, MorePhotosLeaveTheOthersAsTheyAre) {
  PhotoSetOptions options = small_set();
  const fs::path few = make_set("few", options);
  options.train += 2;
  const fs::path many = make_set("many", options);
  for (const fs::path& path : read_manifest(few / "train.csv").paths)
    EXPECT_EQ(read_file(path), read_file(many / fs::relative(path, few))) << path;
}

TEST(PhotoSet, ShelfPhotosAreOfAnotherDomain) {
  PhotoSetOptions options = small_set();
  options.classes = 14;
  const fs::path out = make_set("domain", options);
  const Statistics train = statistics_of(out / "train.csv"), test = statistics_of(out / "test.csv");
  EXPECT_GT(train.rim, 0.85);
  EXPECT_LT(test.rim, 0.7);
  EXPECT_LT(train.corner_deviation, 0.02);
  EXPECT_GT(test.corner_deviation, 0.03);
}

TEST(PhotoSet, WithoutAShiftTestPhotosLookLikeCatalogueOnes) {
  PhotoSetOptions options = small_set();
  options.shift = 0;
  const fs::path out = make_set("alike", options);
  EXPECT_NEAR(statistics_of(out / "train.csv").rim, statistics_of(out / "test.csv").rim, 0.05);
}

TEST(PhotoSet, OptionsOutOfRangeAreRefused) {
  PhotoSetOptions options = small_set();
  options.shift = 1.5;
  try {
    make_set("range", options);
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "demo-photos: want a shift of 0 to 1, got 1.5");
  }
}

}  // namespace
}  // namespace shoplens
