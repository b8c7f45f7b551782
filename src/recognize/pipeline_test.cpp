// SPDX-License-Identifier: Apache-2.0
#include "recognize/pipeline.h"

#include <cmath>

#include "core/error.h"
#include "recognize/test_catalogue.h"

namespace shoplens {
namespace {

class PipelineTest : public TestCatalogue {
 protected:
  // Three networks: two share an input size, the third has another size and dimension.
  PipelineSpec three(Tta tta) {
    write_tiny_model(folder / "b.onnx", 32, 16, /*seed=*/2);
    write_tiny_model(folder / "c.onnx", 24, 8, /*seed=*/3);
    return {
        .models = {{path("model.onnx"), "", 1}, {path("b.onnx"), "", 2}, {path("c.onnx"), "", 0.5}},
        .tta = tta};
  }
  std::string path(const std::string& name) const { return (folder / name).string(); }

  std::vector<float> embed(const Pipeline& pipeline, const std::vector<int>& seeds) const {
    std::vector<float> prepared(seeds.size() * pipeline.floats_per_photo());
    for (std::size_t i = 0; i < seeds.size(); ++i)
      pipeline.prepare(picture(seeds[i]), prepared.data() + i * pipeline.floats_per_photo());
    std::vector<float> out(seeds.size() * static_cast<std::size_t>(pipeline.dim()));
    pipeline.embed(prepared.data(), static_cast<std::int64_t>(seeds.size()), out.data());
    return out;
  }
  static double cosine(const std::vector<float>& v, std::size_t dim) {  // of rows 0 and 1
    double sum = 0;
    for (std::size_t j = 0; j < dim; ++j) sum += double{v[j]} * v[dim + j];
    return sum;
  }
};

TEST_F(PipelineTest, TheJointCosineIsTheWeightedMeanOfTheNetworks) {
  for (const Tta tta : {Tta::kNone, Tta::kHflip}) {
    const PipelineSpec spec = three(tta);
    double sum = 0, weights = 0;
    for (const PipelineModel& model : spec.models) {
      const Pipeline alone({.models = {model}, .tta = tta}, runtime(1));
      sum += model.weight * cosine(embed(alone, {1, 2}), static_cast<std::size_t>(alone.dim()));
      weights += model.weight;
    }
    const Pipeline all(spec, runtime(1));
    EXPECT_EQ(all.dim(), 16 + 16 + 8);
    EXPECT_EQ(all.floats_per_photo(),
              static_cast<std::size_t>(3 * view_count(tta) * (32 * 32 + 24 * 24)));
    const auto vectors = embed(all, {1, 2});
    EXPECT_NEAR(cosine(vectors, 40), sum / weights, 1e-5);
    double length = 0;
    for (std::size_t j = 0; j < 40; ++j) length += double{vectors[j]} * vectors[j];
    EXPECT_NEAR(length, 1, 1e-5);
  }
}

TEST_F(PipelineTest, ABatchGivesWhatEachPhotoGives) {
  const Pipeline all(three(Tta::kHflip), runtime(1));
  const auto batch = embed(all, {3, 4, 5});
  for (int i = 0; i < 3; ++i) {
    const auto alone = embed(all, {3 + i});
    for (std::size_t j = 0; j < 40; ++j)
      EXPECT_NEAR(alone[j], batch[static_cast<std::size_t>(i) * 40 + j], 1e-5);
  }
}

TEST_F(PipelineTest, ItsSpecIsItself) {
  const Pipeline all(three(Tta::kHflip), runtime(1));
  const PipelineSpec again = pipeline_from_toml(to_toml(all.spec()), "test");
  ASSERT_EQ(again.models.size(), 3u);
  EXPECT_EQ(again.tta, Tta::kHflip);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(again.models[i].path, all.spec().models[i].path);
    EXPECT_EQ(again.models[i].fingerprint, all.network(i).info().fingerprint);
    EXPECT_EQ(again.models[i].weight, all.spec().models[i].weight);
  }
  EXPECT_EQ(fingerprint_of(again), all.fingerprint());
}

TEST_F(PipelineTest, TheFingerprintIsOfNetworksAndWeights) {
  PipelineSpec spec{.models = {{"a", "f1", 1}, {"b", "f2", 1}}};
  const std::string both = fingerprint_of(spec);
  spec.models[0].path = "elsewhere";
  spec.tta = Tta::kHflip;
  EXPECT_EQ(fingerprint_of(spec), both);
  spec.models[1].weight = 0.5;
  EXPECT_NE(fingerprint_of(spec), both);
  spec.models.pop_back();
  EXPECT_EQ(fingerprint_of(spec), "f1");
}

TEST_F(PipelineTest, RefusesAnotherModelThanTheSpecs) {
  PipelineSpec spec = three(Tta::kNone);
  spec.models[1].fingerprint = std::string(64, '0');
  try {
    const Pipeline refused(spec, runtime(1));
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("b.onnx"), std::string::npos) << e.what();
  }
}

TEST_F(PipelineTest, BadTomlIsNamed) {
  const auto error = [](const std::string& text) {
    try {
      pipeline_from_toml(text, "g.db");
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  const std::string model = "[[model]]\npath = 'a'\nfingerprint = 'f'\nweight = ";
  EXPECT_NE(error("tta = 'none'\n" + model + "0.0\n").find("weight: want a number above 0"),
            std::string::npos);
  EXPECT_NE(error("tta = 'twice'\n" + model + "1.0\n").find("tta: want none or hflip"),
            std::string::npos);
  EXPECT_NE(error("tta = 'none'\n").find("at least one [[model]]"), std::string::npos);
  EXPECT_NE(error("tta = 'none'\nfusion = 1\n" + model + "1.0\n").find("unknown key fusion"),
            std::string::npos);
  EXPECT_NE(error("tta = \n").find("g.db"), std::string::npos);
}

}  // namespace
}  // namespace shoplens
