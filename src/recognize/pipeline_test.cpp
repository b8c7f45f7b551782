// SPDX-License-Identifier: Apache-2.0
#include "recognize/pipeline.h"

#include <cmath>

#include "core/error.h"
#include "image/decode.h"
#include "image/encode.h"
#include "image/test_pattern.h"
#include "index/vector_index.h"
#include "recognize/matcher.h"
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
      prepare(pipeline, seeds[i], prepared.data() + i * pipeline.floats_per_photo());
    std::vector<float> out(seeds.size() * static_cast<std::size_t>(pipeline.dim()));
    pipeline.embed(prepared.data(), static_cast<std::int64_t>(seeds.size()), out.data());
    return out;
  }
  static double cosine(const std::vector<float>& v, std::size_t dim) {  // of rows 0 and 1
    double sum = 0;
    for (std::size_t j = 0; j < dim; ++j) sum += double{v[j]} * v[dim + j];
    return sum;
  }

  static double cosine_of(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (std::size_t j = 0; j < a.size(); ++j) sum += double{a[j]} * b[j];
    return sum;
  }
};

TEST_F(PipelineTest, IsTheSameOnceItIsWarm) {
  const Pipeline pipeline(three(Tta::kHflip), runtime(2));
  const auto cold = embed(pipeline, {1, 2});
  pipeline.warm_up();
  EXPECT_EQ(embed(pipeline, {1, 2}), cold);
}

TEST_F(PipelineTest, NetworksStandOneBehindTheOtherAtOneLength) {
  for (const Tta tta : {Tta::kNone, Tta::kHflip}) {
    const PipelineSpec spec = three(tta);
    const Pipeline all(spec, runtime(1));
    EXPECT_EQ(all.dim(), 16 + 16 + 8);
    EXPECT_EQ(all.floats_per_photo(),
              static_cast<std::size_t>(3 * view_count(tta) * (32 * 32 + 24 * 24)));
    const auto vectors = embed(all, {1, 2});
    std::size_t column = 0;
    for (const PipelineModel& model : spec.models) {
      const Pipeline alone({.models = {model}, .tta = tta}, runtime(1));
      const auto own = embed(alone, {1, 2});
      for (std::size_t j = 0; j < static_cast<std::size_t>(alone.dim()); ++j)
        EXPECT_NEAR(vectors[column + j], own[j] / std::sqrt(3.0), 1e-5);
      column += static_cast<std::size_t>(alone.dim());
    }
  }
}

// 640 x 400 at 1/4 for one network, whole for the next and for a draft of 240 pixels, at 1/8 for
// the third; each is decoded once.
TEST_F(PipelineTest, EachNetworkSeesThePhotoDecodedAsItDeclares) {
  const std::string jpeg = encode_jpeg(test_pattern(640, 400), 90);
  write_tiny_model(folder / "draft.onnx", 32, 16, 1, {}, Decode::kDraft);
  write_tiny_model(folder / "small.onnx", 24, 16, 1, {}, Decode::kDraft);
  write_tiny_model(folder / "large.onnx", 240, 16, 1, {}, Decode::kDraft);
  int decoded = 0;
  const auto prepared = [&](const PipelineSpec& spec) {
    const Pipeline pipeline(spec, runtime(1));
    std::vector<float> out(pipeline.floats_per_photo());
    SourceImage photo(jpeg, "photo.jpg", {.before_memory = [&](std::uint64_t) { ++decoded; }});
    pipeline.prepare(photo, out.data());
    return out;
  };
  std::vector<float> each;
  for (const auto& [name, size, scale] : {std::tuple("model.onnx", 32, 1),
                                          {"large.onnx", 240, 1},
                                          {"draft.onnx", 32, 4},
                                          {"small.onnx", 24, 8}}) {
    const auto alone = prepared({.models = {{path(name), ""}}});
    std::vector<float> want(static_cast<std::size_t>(3 * size * size));
    preprocess(decode_image(jpeg, name, {}, [scale = scale](int, int) { return scale; }),
               {.size = size}, want.data());
    EXPECT_EQ(alone, want) << name;
    each.insert(each.end(), alone.begin(), alone.end());
  }
  write_tiny_model(folder / "other.onnx", 32, 16, 7, {}, Decode::kDraft);  // as draft.onnx
  decoded = 0;
  EXPECT_EQ(prepared({.models = {{path("draft.onnx"), ""},
                                 {path("model.onnx"), ""},
                                 {path("small.onnx"), ""},
                                 {path("large.onnx"), ""},
                                 {path("other.onnx"), ""}}}),
            each);
  EXPECT_EQ(decoded, 3);
}

TEST_F(PipelineTest, TheMatchersCosineIsTheWeightedMeanOfTheNetworks) {
  const PipelineSpec spec = three(Tta::kNone);
  const Pipeline all(spec, runtime(1));
  double sum = 0, weights = 0;
  for (const PipelineModel& model : spec.models) {
    const Pipeline alone({.models = {model}}, runtime(1));
    sum += model.weight * cosine(embed(alone, {1, 2}), static_cast<std::size_t>(alone.dim()));
    weights += model.weight;
  }
  const Matcher matcher(embed(all, {1}), all.blocks(), spec, std::nullopt);
  const auto hits = matcher.search(matcher.prepare(embed(all, {2})), 1);
  EXPECT_NEAR(hits[0][0].score, sum / weights, 1e-5);
}

TEST_F(PipelineTest, JointNormConcatenatesRawEmbeddings) {
  write_tiny_model(folder / "c.onnx", 32, 16, 1, {"x", "y"});
  write_tiny_model(folder / "d.onnx", 32, 16, 5, {"x", "y"});
  PipelineSpec spec{
      .models = {{(folder / "c.onnx").string(), ""}, {(folder / "d.onnx").string(), ""}},
      .norm = Norm::kJoint};
  const Pipeline joint(spec, runtime(1));
  const auto vector = embed(joint, {1});
  // Raw embeddings of the two networks, as the runtime gives them.
  RuntimeOptions raw = runtime(1);
  raw.raw = true;
  std::vector<float> pixels(joint.floats_per_photo()), want(32);
  prepare(joint, 1, pixels.data());
  Embedder(folder / "c.onnx", raw).embed(pixels.data(), 1, want.data());
  Embedder(folder / "d.onnx", raw).embed(pixels.data(), 1, want.data() + 16);
  EXPECT_GT(std::abs(std::sqrt(cosine_of(want, want)) - 1), 1e-3);  // raw is not of length 1
  l2_normalize(want, 32);
  for (std::size_t j = 0; j < 32; ++j) EXPECT_NEAR(vector[j], want[j], 1e-5);
}

TEST_F(PipelineTest, ClassesCountByTheSumOfTheNetworksScores) {
  const std::vector<std::string> classes{"a", "b", "c", "d", "e", "f", "g"};
  write_tiny_model(folder / "c.onnx", 32, 16, 1, classes);
  write_tiny_model(folder / "d.onnx", 32, 16, 5, classes);
  RuntimeOptions scored = runtime(1);
  scored.classes = true;
  for (const Tta tta : {Tta::kNone, Tta::kHflip}) {
    PipelineSpec spec{
        .models = {{path("c.onnx"), ""}, {path("d.onnx"), ""}}, .tta = tta, .norm = Norm::kJoint};
    spec.decide.vote = Vote::kClasses;
    const Pipeline pipeline(spec, runtime(1));
    std::vector<float> pixels(pipeline.floats_per_photo()), vector(32), got(7), want(7, 0.0f);
    prepare(pipeline, 1, pixels.data());
    pipeline.embed(pixels.data(), 1, vector.data(), got.data());
    const int views = view_count(tta);
    for (const PipelineModel& model : spec.models) {
      std::vector<float> scores(7 * static_cast<std::size_t>(views));
      Embedder(model.path, scored).embed(pixels.data(), views, vector.data(), scores.data());
      for (std::size_t i = 0; i < scores.size(); ++i)
        want[i % 7] += scores[i] / static_cast<float>(views);
    }
    keep_likeliest(want);
    for (std::size_t c = 0; c < 7; ++c) EXPECT_NEAR(got[c], want[c], 1e-6) << c;
  }
}

TEST_F(PipelineTest, AModelWithoutClassesCannotVoteByThem) {
  PipelineSpec spec = three(Tta::kNone);
  spec.decide.vote = Vote::kClasses;
  EXPECT_THROW(Pipeline(spec, runtime(1)), Error);
  write_tiny_model(folder / "c.onnx", 32, 16, 1, {"x", "y"});
  write_tiny_model(folder / "d.onnx", 32, 16, 5, {"x", "z"});
  spec.models = {{(folder / "c.onnx").string(), ""}, {(folder / "d.onnx").string(), ""}};
  EXPECT_THROW(Pipeline(spec, runtime(1)), Error);
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

TEST_F(PipelineTest, EverySettingComesBackFromToml) {
  PipelineSpec spec{.models = {{"a", "f", 0.3}}, .norm = Norm::kJoint, .whiten = 64};
  spec.ranking = {
      .augment = {8, 1.5}, .expand = {2, 2.5}, .rerank = true, .k_reciprocal = {30, 7, 0.625}};
  spec.decide = {Vote::kClasses, 7, 0.02, 5, 3};
  const std::string text = to_toml(spec);
  EXPECT_EQ(to_toml(pipeline_from_toml(text, "test")), text);
  for (const char* part :
       {"'joint'", "64", "1.5", "2.5", "true", "30", "0.625", "'classes'", "0.02"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
  const PipelineSpec least = pipeline_from_toml("[[model]]\npath = 'a'\n", "test");
  EXPECT_EQ(to_toml(least), to_toml({.models = {{"a", "", 1}}}));
}

TEST_F(PipelineTest, TheFingerprintIsOfNetworksAndNorm) {
  PipelineSpec spec{.models = {{"a", "f1", 1}, {"b", "f2", 1}}};
  const std::string both = fingerprint_of(spec);
  spec.models[0].path = "elsewhere";
  spec.tta = Tta::kHflip;
  EXPECT_EQ(fingerprint_of(spec), both);
  spec.models[1].weight = 0.5;
  spec.ranking.rerank = true;
  EXPECT_EQ(fingerprint_of(spec), both);
  spec.norm = Norm::kJoint;
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
  EXPECT_NE(error(model + "1.0\n[ranking]\nwhiten = -1\n").find("whiten: want at least 0, got -1"),
            std::string::npos);
  EXPECT_NE(error(model + "1.0\n[ranking]\nrerank = 1\n").find("rerank: want a value of another"),
            std::string::npos);
  EXPECT_NE(error(model + "1.0\n[decide]\nvote = 'dice'\n").find("vote: want top1, weighted"),
            std::string::npos);
  EXPECT_NE(error("[[model]]\nweight = 1.0\n").find("want the key path"), std::string::npos);
  EXPECT_NE(error("tta = \n").find("g.db"), std::string::npos);
}

}  // namespace
}  // namespace shoplens
