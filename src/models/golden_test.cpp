// SPDX-License-Identifier: Apache-2.0
// Every backbone against timm's, with made-up weights: tools/make_model_goldens.py says how the
// goldens are made.
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/hash.h"
#include "models/backbone.h"
#include "models/load_backbone.h"
#include "tests/hash_fill.h"

namespace shoplens {
namespace {

using nlohmann::json;

// Both sides compute in double; what is left is the order of sums.
constexpr double kTolerance = 1e-6;

class Golden : public testing::TestWithParam<std::string> {
 protected:
  Golden()
      : golden_(json::parse(
            read_file(SHOPLENS_SOURCE_DIR "/tests/golden/models/" + GetParam() + ".json"))) {
    torch::set_num_threads(1);  // ctest runs several tests side by side
    backbone_ = find_backbone(GetParam()).create({});
    hash_fill(state_of(*backbone_));
  }

  static torch::Tensor input(std::int64_t side) { return hash_filled("input", {2, 3, side, side}); }

  static torch::Tensor loss(const torch::Tensor& features) {
    return (features * hash_filled("loss", features.sizes()).to(features.scalar_type())).mean();
  }

  static void expect_summary(const json& want, const torch::Tensor& features, double tolerance) {
    ASSERT_EQ(want["shape"].get<std::vector<std::int64_t>>(), features.sizes().vec());
    const torch::Tensor flat = features.detach().to(torch::kDouble).flatten();
    const double norm = want["norm"], rms = norm / std::sqrt(static_cast<double>(flat.numel()));
    EXPECT_NEAR(flat.norm().item<double>(), norm, tolerance * norm);
    EXPECT_NEAR(loss(features).item<double>(), want["dot"].get<double>(), tolerance * rms);
    HashStream positions("positions");
    for (const double value : want["values"]) {
      const auto at =
          static_cast<std::int64_t>(positions.next() * static_cast<double>(flat.numel()));
      EXPECT_NEAR(flat[at].item<double>(), value, tolerance * std::max(rms, std::abs(value)))
          << "at " << at;
    }
  }

  json golden_;
  std::shared_ptr<Backbone> backbone_;
};

TEST_P(Golden, EqualsTimm) {
  // Names and shapes.
  std::vector<std::string> lines;
  for (const auto& [name, tensor] : state_of(*backbone_)) {
    std::string line = name + " ";
    for (const auto side : tensor.sizes()) {
      if (line.back() != ' ') line += ',';
      line += std::to_string(side);
    }
    lines.push_back(line + "\n");
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const auto& line : lines) text += line;
  ASSERT_EQ(sha256_hex(text), golden_["names"].get<std::string>()) << text;

  // Features in eval mode: as the network is used, in float, then in double.
  for (const bool exact : {false, true}) {
    backbone_->to(exact ? torch::kDouble : torch::kFloat);
    backbone_->eval();
    const torch::NoGradGuard no_grad;
    for (const auto& [side, want] : golden_["eval"].items()) {
      SCOPED_TRACE("eval at " + side + (exact ? " in double" : " in float"));
      const auto x = input(std::stoi(side)).to(exact ? torch::kDouble : torch::kFloat);
      expect_summary(want, backbone_->forward_features(x), exact ? kTolerance : 1e-3);
    }
  }

  // Features and every gradient in train mode.
  backbone_->train();
  const auto train = golden_["train"].items().begin();
  const auto features =
      backbone_->forward_features(input(std::stoi(train.key())).to(torch::kDouble));
  expect_summary(train.value(), features, kTolerance);
  loss(features).backward();
  std::map<std::string, double> gradients;  // sorted, as the golden is
  for (const auto& item : backbone_->named_parameters())
    gradients[item.key()] = item.value().grad().norm().item<double>();
  ASSERT_EQ(gradients.size(), golden_["gradients"].size());
  // What a batch norm takes out again has a gradient of nothing but rounding, which differs from
  // processor to processor.
  const double noise =
      1e-12 *
      std::max_element(golden_["gradients"].begin(), golden_["gradients"].end())->get<double>();
  auto want = golden_["gradients"].begin();
  for (const auto& [name, norm] : gradients) {
    EXPECT_NEAR(norm, want->get<double>(), kTolerance * want->get<double>() + noise) << name;
    ++want;
  }
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& entry : backbones()) all.push_back(entry.name);
  return all;
}
INSTANTIATE_TEST_SUITE_P(Backbones, Golden, testing::ValuesIn(names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace shoplens
