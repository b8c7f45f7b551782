// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace shoplens {

/// Looks at what passes through a model.onnx on its way, in float32.
class Activations {
 public:
  /// `values` are names in the file's graph. Throws Error that names the file when it cannot be
  /// run or has no such value.
  Activations(const std::filesystem::path& model, const std::vector<std::string>& values);
  ~Activations();
  Activations(const Activations&) = delete;
  Activations& operator=(const Activations&) = delete;

  /// Called for each value, by its place in the list: data of shape dims, [n, C, ...].
  using See = std::function<void(std::size_t value, std::span<const std::int64_t> dims,
                                 std::span<const float> data)>;
  /// pixels [n, 3, size, size], as preprocess() writes them. One call at a time.
  void run(const float* pixels, std::int64_t n, const See& see);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace shoplens
