// SPDX-License-Identifier: Apache-2.0
// The shoplens side of tools/training_steps.py:
//   training_steps RECIPE.toml DATA.csv ARCH AMP STEPS DIR "key = value"...
// runs a recipe with these keys in place of its own and writes DIR/start.safetensors (the weights
// before the first step) and DIR/steps.safetensors (each step's pixels, labels, loss and rate).
#include <iostream>

#include "core/files.h"
#include "core/options.h"
#include "train/trainer.h"

namespace shoplens {
namespace {

int run(const std::vector<std::string>& words) {
  const std::filesystem::path folder = words[6];
  const int steps = std::stoi(words[5]);
  TrainOptions options;
  from_toml(options_of(options), read_file(words[1]), words[1]);
  options.data = words[2];
  options.arch = words[3];
  options.amp = words[4];
  options.out = (folder / "run").string();
  options.folds = 0;  // every photo trains
  for (std::size_t i = 7; i < words.size(); ++i)
    from_toml(options_of(options), words[i], "the command line");

  std::atomic<bool> stop = false;
  Trainer trainer(options, stop);
  NamedTensors start, passes;
  for (const auto& [name, tensor] : trainer.tensors())
    if (name.starts_with("model.") || name.starts_with("head."))
      start.emplace_back(name, tensor.clone());
  write_safetensors(folder / "start.safetensors", start);
  int step = 0;
  trainer.on_pass = [&](const Trainer::Pass& pass) {
    const auto n = static_cast<std::int64_t>(pass.labels.size());
    const auto add = [&](const char* name, const torch::Tensor& t) {
      passes.emplace_back(join(name, step), t.clone());
    };
    add("pixels.", torch::tensor(at::ArrayRef<float>(pass.pixels.data(), pass.pixels.size()))
                       .view({n, 3, options.preprocessing.img_size, -1}));
    add("labels.", torch::tensor(pass.labels, torch::kLong));
    add("loss.", torch::tensor({pass.loss}, torch::kDouble));
    add("lr.", torch::tensor({pass.lr}, torch::kDouble));
    stop = ++step == steps;
  };
  trainer.run();
  write_safetensors(folder / "steps.safetensors", passes);
  return 0;
}

}  // namespace
}  // namespace shoplens

int main(int argc, char** argv) {
  if (argc < 7) return 2;
  try {
    return shoplens::run({argv, argv + argc});
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
