// SPDX-License-Identifier: Apache-2.0
#include "nn/read_weights.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/files.h"

namespace shoplens {
namespace {

TEST(ReadWeights, TellsTheFormatsApartByContent) {
  const NamedTensors from_torch = read_weights(SHOPLENS_SOURCE_DIR "/tests/golden/pth/zip.pth");
  const auto path = std::filesystem::path(testing::TempDir()) / "no-matter-what.pth";
  // Safetensors has no 16-bit integers, and neither has the golden file.
  write_safetensors(path, from_torch);
  const NamedTensors again = read_weights(path);
  ASSERT_EQ(again.size(), from_torch.size());
  std::map<std::string, torch::Tensor> by_name(again.begin(), again.end());
  for (const auto& [name, tensor] : from_torch) {
    EXPECT_EQ(by_name.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(by_name.at(name).equal(tensor)) << name;
  }
  EXPECT_EQ(by_name.at("transposed").sizes(), (std::vector<std::int64_t>{4, 3}));
}

TEST(ReadWeights, RefusesOtherFiles) {
  const auto path = std::filesystem::path(testing::TempDir()) / "weights.bin";
  for (const char* bytes : {"", "P", "PK\x03\x04 no archive", "{\"json\": 1}"}) {
    write_file(path, bytes);
    EXPECT_THROW(read_weights(path), Error) << bytes;
  }
}

}  // namespace
}  // namespace shoplens
