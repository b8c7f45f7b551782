// SPDX-License-Identifier: Apache-2.0
// A small gallery and a folder for it, for this folder's tests.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "gallery/gallery.h"
#include "gallery/gallery_file.h"

namespace shoplens {

inline const GalleryModel kTestModel{std::string(64, 'a'), "tiny", 8, "model.onnx"};

/// n unit vectors of `dim` components, the same for the same seed.
inline std::vector<float> unit_vectors(std::size_t n, int dim, std::uint64_t seed) {
  Random random{seed};
  std::vector<float> vectors(n * static_cast<std::size_t>(dim));
  for (std::size_t i = 0; i < n; ++i) {
    float* v = vectors.data() + i * static_cast<std::size_t>(dim);
    double sum = 0;
    for (int j = 0; j < dim; ++j) v[j] = static_cast<float>(random.uniform(-1, 1));
    for (int j = 0; j < dim; ++j) sum += v[j] * v[j];
    for (int j = 0; j < dim; ++j) v[j] = static_cast<float>(v[j] / std::sqrt(sum));
  }
  return vectors;
}

/// Items "<prefix>0.jpg", ...; labels alternate between apple and pear.
inline std::vector<GalleryItem> test_items(std::size_t n, const std::string& prefix) {
  std::vector<GalleryItem> items;
  for (std::size_t i = 0; i < n; ++i) {
    const std::string name = prefix + std::to_string(i) + ".jpg";
    items.push_back(
        {0, i % 2 ? "pear" : "apple", name, "photos/" + name, {{"coarse_label", "fruit"}}});
  }
  return items;
}

class GalleryFolder : public testing::Test {
 protected:
  GalleryFolder()
      : folder(std::filesystem::temp_directory_path() /
               ("shoplens_gallery_" + std::to_string(::getpid()) + "_" +
                testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
  }
  ~GalleryFolder() override { std::filesystem::remove_all(folder); }

  std::filesystem::path build(const std::string& name, std::size_t n,
                              const std::string& prefix = "a") const {
    auto path = folder / name;
    GalleryModel model = kTestModel;
    model.path = (folder / "model.onnx").string();
    build_gallery(path, model, {{"pipeline", "as the apps write it"}}, test_items(n, prefix),
                  unit_vectors(n, model.dim, n), false);
    return path;
  }

  /// The Error that `body` throws.
  template <class Body>
  static Error error_of(Body body) {
    try {
      body();
    } catch (const Error& e) {
      return e;
    }
    ADD_FAILURE() << "want an Error";
    return {ErrorCode::kInternal, ""};
  }

  std::filesystem::path folder;
};

}  // namespace shoplens
