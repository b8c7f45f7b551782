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

  // What the gate says; no file is left.
  std::string refusal() const {
    try {
      quantize();
    } catch (const Error& e) {
      EXPECT_EQ(e.code, ErrorCode::kBadInput);
      EXPECT_FALSE(std::filesystem::exists(out));
      return e.what();
    }
    return "no error";
  }

  // As large as the network's input, all of one colour.
  std::filesystem::path plain_photo(const std::string& name, std::uint8_t red,
                                    std::uint8_t green) const {
    Image image(32, 32);
    for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
      image.pixels[i] = red;
      image.pixels[i + 1] = green;
      image.pixels[i + 2] = 161;
    }
    write_file(folder / name, encode_png(image));
    return folder / name;
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
  const std::string what = refusal();
  EXPECT_NE(what.find("want a mean cosine of at least 0.9999"), std::string::npos) << what;
  EXPECT_NE(what.find(" with 1 of 3 layers in float; of the others these harm most: Conv"),
            std::string::npos)
      << what;
  EXPECT_NE(what.find("model.onnx"), std::string::npos) << what;
}

// Embeddings (red + 0.3 green, blue) of photos' mean colours, negative ones taken as 0. Two bits
// leave a channel its largest weight, and of the other it gets 0.3 x 1.21, the mean: what is left
// of green. By colour a is (0.19, 2.43), b (0.50, 0); a's other photo (0.40, 2.43), b's (0.52, 0).
//   float: a 0.92, b 0.50; a's other 1.13, b's 0.52     2 bits: a 0.56, b 0.87; a's 0.76, b's 0.88
// So that one is nearer to b then, and one of two is found.
TEST_F(Int8Test, AModelThatFindsLessIsRefusedUnlessThatMuchMayBeLost) {
  Graph graph;
  const Value pixels = graph.input("pixels", {-1, 3, 32, 32});
  const Value colour = graph.flatten(graph.global_average_pool(graph.unary("Relu", pixels)));
  const Value mixed = graph.linear(colour, {{2, 3}, {1, 0.3f, 0, 0, 0, 1}}, {{2}, {0, 0}});
  graph.output("embedding", graph.l2_normalize(mixed), {-1, 2});
  ModelInfo info;
  info.arch = "colours";
  info.dim = 2;
  info.preprocessing.size = 32;
  write_file(folder / "model.onnx", graph.serialize(info));
  catalogue = {};
  held_out = {};
  add(catalogue, plain_photo("a.png", 135, 255), 0);
  add(catalogue, plain_photo("b.png", 153, 0), 1);
  add(held_out, plain_photo("another_a.png", 147, 255), 0);
  add(held_out, plain_photo("another_b.png", 154, 0), 1);
  options.weight_bits = 2;
  options.min_cosine = 0;
  options.max_recall_loss = 0.005;
  const std::string what = refusal();
  EXPECT_NE(what.find("R@1 at most 0.5 points below 100, got "), std::string::npos) << what;
  EXPECT_NE(what.find(" and 50 with 0 of 1 layers in float"), std::string::npos) << what;

  options.max_recall_loss = 1;
  const Int8Result result = quantize();
  EXPECT_EQ(result.recall_float, 1);
  EXPECT_EQ(result.recall, 0.5);
  EXPECT_TRUE(std::filesystem::exists(out));
}

TEST_F(Int8Test, PhotosThatCannotBeReadAreLeftOutAndNoneAtAllIsAnError) {
  write_file(photos[2], "no photo");
  EXPECT_EQ(quantize().queries, 9);
  for (const auto& photo : photos) write_file(photo, "no photo");
  EXPECT_THROW(quantize(), Error);
}

}  // namespace
}  // namespace shoplens
