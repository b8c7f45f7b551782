// SPDX-License-Identifier: Apache-2.0
#include "runtime/activations.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "onnx/network.h"
#include "runtime/embedder.h"
#include "runtime/tiny_model.h"

namespace shoplens {
namespace {

const std::filesystem::path path = std::filesystem::temp_directory_path() / "activations.onnx";

TEST(Activations, ValuesAreThoseThatTheNetworkComputes) {
  const ModelInfo info = write_tiny_model(path);
  Random random{2};
  std::vector<float> pixels(2 * 3 * 32 * 32);
  for (float& p : pixels) p = static_cast<float>(random.uniform(-1, 1));
  Activations activations(path, {"pixels", "features", "embedding"});
  const Embedder embedder(path, {.precision = "f32"});
  std::vector<float> want(2 * 16);
  embedder.embed(pixels.data(), 2, want.data());
  int seen = 0;
  activations.run(
      pixels.data(), 2,
      [&](std::size_t value, std::span<const std::int64_t> dims, std::span<const float> data) {
        ++seen;
        const std::vector<std::int64_t> shape(dims.begin(), dims.end());
        if (value == 0) {
          EXPECT_TRUE(std::equal(data.begin(), data.end(), pixels.begin()));
        } else if (value == 1) {
          EXPECT_EQ(shape, (std::vector<std::int64_t>{2, 16, 8, 8}));
          const FeatureMap map = embedder.features(pixels.data());
          for (std::size_t i = 0; i < map.values.size(); ++i)
            EXPECT_NEAR(data[i], map.values[i], 1e-5);
        } else {
          EXPECT_EQ(shape, (std::vector<std::int64_t>{2, 16}));
          for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(data[i], want[i], 1e-5);
        }
      });
  EXPECT_EQ(seen, 3);
}

TEST(Activations, AValueThatIsNotThereIsAnErrorThatNamesTheFile) {
  write_tiny_model(path);
  try {
    Activations(path, {"Conv_99"});
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(path.string()), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace shoplens
