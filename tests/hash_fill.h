// SPDX-License-Identifier: Apache-2.0
// The C++ side of tools/make_model_goldens.py: made-up tensors that are the same to the bit in both
// languages. The formulas stand there.
#pragma once
#include <torch/types.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shoplens {

/// u(name, 0), u(name, 1), ...: uniform in [0, 1), multiples of 2^-24.
class HashStream {
 public:
  explicit HashStream(std::string_view name) {
    for (const char c : name)
      state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;  // FNV-1a
  }
  double next() {  // SplitMix64
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return static_cast<double>((z ^ (z >> 31)) >> 40) * 0x1p-24;
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325;
};

/// The range the tensor called `name` is filled from.
inline std::pair<double, double> hash_bounds(const std::string& name, torch::IntArrayRef shape) {
  if (name.ends_with("running_var")) return {0.5, 1.5};
  if (name.ends_with("running_mean") || name.ends_with("bias")) return {-0.1, 0.1};
  if (name.ends_with("weight") && shape.size() > 1) {
    double fan_in = 1;
    for (const auto side : shape.slice(1)) fan_in *= static_cast<double>(side);
    const double high = std::sqrt(5 / fan_in);
    return {-high, high};
  }
  if (name.ends_with("cls_token") || name.ends_with("pos_embed")) return {-1, 1};
  if (name == "input") return {-2, 2};
  if (name == "loss") return {-1, 1};
  return {0.8, 1.2};
}

/// A new float tensor of that name and shape.
inline torch::Tensor hash_filled(const std::string& name, torch::IntArrayRef shape) {
  const auto [low, high] = hash_bounds(name, shape);
  torch::Tensor tensor = torch::empty(shape, torch::kFloat);
  HashStream stream(name);
  float* values = tensor.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i)
    values[i] = static_cast<float>(low + (high - low) * stream.next());
  return tensor;
}

/// Fills every floating tensor of the list by its name.
inline void hash_fill(const std::vector<std::pair<std::string, torch::Tensor>>& tensors) {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : tensors)
    if (tensor.is_floating_point()) tensor.copy_(hash_filled(name, tensor.sizes()));
}

}  // namespace shoplens
