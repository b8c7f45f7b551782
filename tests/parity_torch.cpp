// SPDX-License-Identifier: Apache-2.0
// The LibTorch side of tools/parity.py: for every backbone with GeM and neck, filled with made-up
// weights, writes model.onnx, two inputs, their float32 embeddings and feature maps. Parity is not
// of the numbers alone: the inputs are a photo-like size, odd for one backbone, so that paddings
// differ.
#include <torch/nn/functional/normalization.h>

#include <filesystem>
#include <iostream>

#include "data/npy.h"
#include "tests/hash_fill.h"
#include "train/export_onnx.h"

namespace shoplens {
namespace {

void write_case(const BackboneEntry& entry, const std::filesystem::path& folder) {
  const torch::NoGradGuard no_grad;
  EmbeddingModel model({.arch = entry.name, .pool = entry.default_pool("gem"), .dim = 64});
  hash_fill(model.state());
  model.eval();
  ModelInfo info{.arch = entry.name,
                 .dim = 64,
                 .preprocessing = entry.preprocessing,
                 .labels_hash = {},
                 .fingerprint = {}};
  info.preprocessing.size = entry.patch > 0 ? 126 : entry.name == "tf_efficientnet_b0" ? 97 : 128;
  const int size = info.preprocessing.size;
  write_onnx(model, info, folder / (entry.name + ".onnx"));

  const torch::Tensor x = hash_filled("input", {2, 3, size, size});
  const auto [embedding, map] = model.forward_with_map(x);
  const torch::Tensor y = torch::nn::functional::normalize(embedding).contiguous();  // [2, 64]
  const torch::Tensor features = map.contiguous();                                   // [2, C, H, W]
  const auto values = [](const torch::Tensor& t) {
    return std::span(t.const_data_ptr<float>(), t.numel());
  };
  write_npy(folder / (entry.name + ".pixels.npy"), values(x), 3 * size * size);
  write_npy(folder / (entry.name + ".torch.npy"), values(y), 64);
  write_npy(folder / (entry.name + ".features.npy"), values(features), features[0].numel());
}

}  // namespace
}  // namespace shoplens

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::filesystem::create_directories(argv[1]);
  for (const shoplens::BackboneEntry& entry : shoplens::backbones()) {
    shoplens::write_case(entry, argv[1]);
    std::cout << entry.name << '\n';
  }
}
