// SPDX-License-Identifier: Apache-2.0
#include "quantize/int8.h"

#include "core/error.h"
#include "core/threads.h"
#include "recognize/embed_photos.h"
#include "recognize/test_catalogue.h"

namespace shoplens {
namespace {

// Nine photos of as many products, and each of them again, held out.
class Int8Test : public TestCatalogue {
 protected:
  Int8Test() {
    for (std::size_t i = 0; i < photos.size(); ++i) {
      const auto again = folder / ("again_" + photos[i].filename().string());
      std::filesystem::copy_file(photos[i], again);
      add(catalogue, photos[i], i);
      add(held_out, again, i);
    }
    options.want_cosine = 0;
  }
  static void add(Manifest& manifest, const std::filesystem::path& path, std::size_t label) {
    manifest.paths.push_back(path);
    manifest.names.push_back(path.filename().string());
    manifest.labels.push_back(std::to_string(label));
  }
  Int8Result quantize() const {
    return quantize_model(folder / "model.onnx", out, catalogue, held_out, options);
  }

  Manifest catalogue, held_out;
  Int8Options options;
  const std::filesystem::path out = folder / "model.int8.onnx";
};

TEST_F(Int8Test, TheModelAnswersAsTheFloatOneAndHasItsOwnFingerprint) {
  const Int8Result result = quantize();
  EXPECT_EQ(result.layers, 3u);
  EXPECT_TRUE(result.in_float.empty());
  EXPECT_GT(result.cosine, 0.99);
  EXPECT_LT(result.cosine, 0.9999999);  // something was rounded
  EXPECT_EQ(result.queries, 9);
  EXPECT_EQ(result.recall_float, 1);
  EXPECT_EQ(result.recall, 1);

  const Embedder exact(folder / "model.onnx", runtime(1)), rounded(out, runtime(1));
  EXPECT_EQ(rounded.info().fingerprint, result.info.fingerprint);
  EXPECT_NE(rounded.info().fingerprint, exact.info().fingerprint);
  EXPECT_EQ(rounded.info().preprocessing, exact.info().preprocessing);
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    EXPECT_EQ(entry.path().string().find("trial"), std::string::npos) << entry.path();
}

// On a processor with bf16 too, where a network runs in it unless it is told otherwise.
TEST_F(Int8Test, TheVerdictIsOnEmbeddingsInFloat32) {
  const Int8Result result = quantize();
  EmbedPhotosOptions embedding;
  embedding.batch_size = options.batch_size;
  const auto embed = [&](const std::filesystem::path& model) {
    const Pipeline pipeline({.models = {{model.string(), ""}}}, runtime(available_cores()));
    return embed_photos(pipeline, held_out.paths, embedding).embeddings;
  };
  const std::vector<float> exact = embed(folder / "model.onnx"), rounded = embed(out);
  double sum = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) sum += double{exact[i]} * rounded[i];
  EXPECT_NEAR(result.cosine, sum / 9, 1e-6);
}

TEST_F(Int8Test, TheMostHarmfulLayersStayInFloatWhenAllTogetherHarmTooMuch) {
  options.weight_bits = 3;
  options.min_cosine = 0;
  const double all = quantize().cosine;
  options.want_cosine = all + (1 - all) / 100;
  const Int8Result result = quantize();
  ASSERT_EQ(result.in_float.size(), 1u);
  EXPECT_GE(result.cosine, options.want_cosine);
  EXPECT_GT(result.in_float[0].harm, 0);
}

TEST_F(Int8Test, AModelThatAnswersWorseIsRefusedByTheNamesOfItsLayers) {
  options.weight_bits = 2;
  options.min_cosine = 0.9999;
  try {
    quantize();
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code, ErrorCode::kBadInput);
    const std::string what = e.what();
    EXPECT_NE(what.find("want a mean cosine of at least 0.9999"), std::string::npos) << what;
    EXPECT_NE(what.find(" with 1 of 3 layers in float; of the others these harm most: Conv"),
              std::string::npos)
        << what;
    EXPECT_NE(what.find("model.onnx"), std::string::npos) << what;
  }
  EXPECT_FALSE(std::filesystem::exists(out));
}

// The held-out photos find themselves in any number of bits, so here no loss is little enough.
TEST_F(Int8Test, AModelThatFindsLessIsRefusedHoweverNearItsEmbeddings) {
  options.min_cosine = 0;
  options.max_recall_loss = -0.1;
  try {
    quantize();
    FAIL();
  } catch (const Error& e) {
    const std::string what = e.what();
    EXPECT_NE(what.find("R@1 at most -10 points below 100, got "), std::string::npos) << what;
    EXPECT_NE(what.find("these harm most: Conv"), std::string::npos) << what;
  }
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST_F(Int8Test, PhotosThatCannotBeReadAreLeftOutAndNoneAtAllIsAnError) {
  write_file(photos[2], "no photo");
  EXPECT_EQ(quantize().queries, 9);
  for (const auto& photo : photos) write_file(photo, "no photo");
  EXPECT_THROW(quantize(), Error);
}

}  // namespace
}  // namespace shoplens
