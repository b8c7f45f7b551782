// SPDX-License-Identifier: Apache-2.0
// A tiny model, a few photos as PNG and their gallery in a folder, for this folder's tests.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/random.h"
#include "image/encode.h"
#include "recognize/pipeline.h"
#include "runtime/tiny_model.h"

namespace shoplens {

class TestCatalogue : public testing::Test {
 protected:
  TestCatalogue()
      : folder(std::filesystem::temp_directory_path() /
               ("shoplens_recognize_" + std::to_string(::getpid()) + "_" +
                testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::create_directories(folder);
    write_tiny_model(folder / "model.onnx");
    for (int i = 0; i < 9; ++i) {
      photos.push_back(folder / (std::to_string(i) + ".png"));
      write_file(photos.back(), encode_png(picture(i)));
    }
  }
  ~TestCatalogue() override { std::filesystem::remove_all(folder); }

  /// Coloured noise, another for each seed.
  static Image picture(int seed) {
    Image image(50 + seed, 40);
    Random random{static_cast<std::uint64_t>(seed)};
    const int high[] = {random.integer(50, 255), random.integer(50, 255), random.integer(50, 255)};
    for (std::size_t i = 0; i < image.pixels.size(); ++i)
      image.pixels[i] = static_cast<std::uint8_t>(random.integer(0, high[i % 3]));
    return image;
  }

  /// The picture as the pipeline's networks' inputs: out [floats_per_photo].
  static void prepare(const Pipeline& pipeline, int seed, float* out) {
    SourceImage photo(picture(seed));
    pipeline.prepare(photo, out);
  }

  Pipeline open(int streams, Tta tta = Tta::kNone) const {
    return Pipeline({.models = {{(folder / "model.onnx").string(), ""}}, .tta = tta},
                    runtime(streams));
  }
  static RuntimeOptions runtime(int streams) {
    RuntimeOptions options;
    options.precision = "f32";
    options.streams = streams;
    return options;
  }

  std::filesystem::path folder;
  std::vector<std::filesystem::path> photos;
};

}  // namespace shoplens
