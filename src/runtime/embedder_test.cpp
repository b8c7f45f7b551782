// SPDX-License-Identifier: Apache-2.0
#include "runtime/embedder.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmath>
#include <set>
#include <thread>
#include <vector>

#include "core/error.h"
#include "runtime/tiny_model.h"

namespace shoplens {
namespace {

namespace fs = std::filesystem;

class EmbedderTest : public testing::Test {
 protected:
  EmbedderTest()
      : folder(fs::temp_directory_path() / ("shoplens_embedder_" + std::to_string(::getpid()))) {
    fs::create_directories(folder);
    info = write_tiny_model(folder / "model.onnx");
  }
  ~EmbedderTest() override { fs::remove_all(folder); }

  Embedder open(const std::string& precision, int streams = 1) const {
    RuntimeOptions options;
    options.precision = precision;
    options.streams = streams;
    return Embedder(folder / "model.onnx", options);
  }

  std::vector<float> pixels(std::int64_t n) const {
    Random random{5};
    std::vector<float> out(
        static_cast<std::size_t>(n * 3 * info.preprocessing.size * info.preprocessing.size));
    for (float& x : out) x = static_cast<float>(random.uniform(-2, 2));
    return out;
  }

  std::vector<float> embed(const Embedder& embedder, const std::vector<float>& in,
                           std::int64_t n) const {
    std::vector<float> out(static_cast<std::size_t>(n * info.dim));
    embedder.embed(in.data(), n, out.data());
    return out;
  }

  fs::path folder;
  ModelInfo info;
};

TEST_F(EmbedderTest, KnowsItsModel) {
  const Embedder embedder = open("f32");
  EXPECT_EQ(embedder.info().fingerprint, info.fingerprint);
  EXPECT_EQ(embedder.info().arch, "tiny");
  EXPECT_EQ(embedder.precision(), "f32");
}

TEST_F(EmbedderTest, EmbeddingsHaveLengthOneInEveryPrecision) {
  for (const char* precision : {"f32", "auto"}) {
    const auto out = embed(open(precision), pixels(5), 5);
    for (int i = 0; i < 5; ++i) {
      double sum = 0;
      for (int j = 0; j < info.dim; ++j)
        sum += std::pow(out[static_cast<std::size_t>(i * info.dim + j)], 2);
      EXPECT_NEAR(sum, 1, 1e-6);
    }
  }
}

TEST_F(EmbedderTest, APhotoDoesNotDependOnItsBatch) {
  const Embedder embedder = open("f32");
  const auto in = pixels(9);
  const auto all = embed(embedder, in, 9);
  const auto floats = in.size() / 9;
  for (std::size_t i = 0; i < 9; ++i) {
    const auto one = embed(embedder,
                           {in.begin() + static_cast<std::ptrdiff_t>(i * floats),
                            in.begin() + static_cast<std::ptrdiff_t>((i + 1) * floats)},
                           1);
    for (std::size_t j = 0; j < one.size(); ++j) EXPECT_NEAR(one[j], all[i * one.size() + j], 1e-5);
  }
}

TEST_F(EmbedderTest, GivesRawEmbeddingsAndClassScoresWhenAsked) {
  write_tiny_model(folder / "classes.onnx", 32, 16, 1, {"a", "b", "c"});
  RuntimeOptions options;
  options.precision = "f32";
  options.raw = options.classes = true;
  const Embedder embedder(folder / "classes.onnx", options);
  const auto x = pixels(2);
  std::vector<float> raw(32), scores(6), unit(32);
  embedder.embed(x.data(), 2, raw.data(), scores.data());
  open("f32").embed(x.data(), 2, unit.data());  // the same network without the two
  for (std::size_t photo = 0; photo < 2; ++photo) {
    double length = 0;
    for (std::size_t j = 0; j < 16; ++j) length += std::pow(raw[photo * 16 + j], 2);
    length = std::sqrt(length);
    EXPECT_GT(std::abs(length - 1), 1e-3);
    for (std::size_t j = 0; j < 16; ++j)
      EXPECT_NEAR(raw[photo * 16 + j] / length, unit[photo * 16 + j], 1e-5);
  }
  EXPECT_NE(scores[0], scores[3]);
  EXPECT_NE(scores[0], scores[1]);
  EXPECT_THROW(embedder.embed(x.data(), 2, raw.data()), Error);
  EXPECT_THROW(Embedder(folder / "model.onnx", options), Error);  // has neither
}

TEST_F(EmbedderTest, ManyThreadsGetWhatOneGets) {
  const Embedder embedder = open("f32", 2);
  EXPECT_EQ(embedder.streams(), 2);
  const auto in = pixels(4);
  const auto want = embed(embedder, in, 4);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) EXPECT_EQ(embed(embedder, in, 4), want);
    });
  for (std::thread& t : threads) t.join();
}

TEST_F(EmbedderTest, ANetworkFromTheCacheIsTheSameToTheBit) {
  const fs::path cache = folder / "cache", link = folder / "link";
  ::setenv("XDG_CACHE_HOME", cache.c_str(), 1);
  write_tiny_model(folder / "classes.onnx", 32, 16, 1, {"a", "b", "c"});
  RuntimeOptions options;
  const auto in = pixels(3);
  const auto run = [&](bool with_cache) {
    options.cache = with_cache;
    std::vector<float> out(48), scores(9);
    Embedder(folder / "classes.onnx", options).embed(in.data(), 3, out.data(), scores.data());
    out.insert(out.end(), scores.begin(), scores.end());
    return out;
  };
  std::set<fs::path> kept;
  const auto new_file = [&] {
    for (const auto& file : fs::directory_iterator(cache / "shoplens" / "networks"))
      if (kept.insert(file.path()).second) return file.path();
    return fs::path();
  };
  const auto plain = run(false);
  EXPECT_EQ(run(true), plain);
  const fs::path other = new_file();
  options.raw = options.classes = true;
  const auto want = run(false);
  EXPECT_EQ(run(true), want);
  const fs::path file = new_file();
  ASSERT_FALSE(file.empty());

  // Not written again means that it was used; damaged, cut, or another network's, it is not used.
  const std::string whole = read_file(file);
  std::string flipped = whole;
  flipped[flipped.size() / 2] ^= 1;
  for (const std::string& content :
       {whole, flipped, whole.substr(0, 100), std::string(), read_file(other)}) {
    write_file(file, content);
    fs::remove(link);
    fs::create_hard_link(file, link);
    EXPECT_EQ(run(true), want);
    EXPECT_EQ(fs::equivalent(file, link), content == whole);
    EXPECT_TRUE(new_file().empty());
  }

  // A model that was changed is refused, though the network of its fingerprint is there; and where
  // it is not, none is kept.
  std::string model = read_file(folder / "classes.onnx");
  model[model.size() / 2] ^= 1;
  write_file(folder / "classes.onnx", model);
  for (const bool there : {true, false}) {
    if (!there) fs::remove_all(cache);
    try {
      run(true);
      FAIL() << "no error";
    } catch (const Error& e) {
      EXPECT_EQ(e.code, ErrorCode::kCorrupt);
      EXPECT_NE(std::string(e.what()).find("changed after it was written"), std::string::npos);
    }
  }
  EXPECT_FALSE(fs::exists(cache));
  ::unsetenv("XDG_CACHE_HOME");
}

TEST_F(EmbedderTest, AnEmbeddingOfZeroIsAnErrorThatNamesTheModel) {
  Graph graph;
  Value x = graph.flatten(graph.global_average_pool(graph.input("pixels", {-1, 3, 32, 32})));
  x = graph.l2_normalize(graph.linear(x, {{4, 3}, std::vector<float>(12)}, {}));
  graph.output("embedding", x, {-1, 4});
  info.dim = 4;
  write_file(folder / "model.onnx", graph.serialize(info));
  const Embedder embedder = open("f32");
  try {
    embed(embedder, pixels(1), 1);
    FAIL() << "want an Error";
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()),
              "embedder: want a finite embedding that is not 0, got length 0 (" +
                  (folder / "model.onnx").string() + ")");
  }
}

TEST(ByteProducts, AreExactWithDotProductInstructions) {
  EXPECT_TRUE(has_exact_byte_products("fpu avx2 avx512_vnni amx"));
  EXPECT_TRUE(has_exact_byte_products("avx_vnni"));
  EXPECT_TRUE(has_exact_byte_products("fp asimd asimddp"));
  EXPECT_FALSE(has_exact_byte_products("fpu avx2 avx512f avx512_vnni_of_another_kind"));
  EXPECT_FALSE(has_exact_byte_products(""));
}

TEST_F(EmbedderTest, FilesThatAreNoModelAreNamed) {
  const auto code = [&](const fs::path& path, const RuntimeOptions& options = {}) {
    try {
      const Embedder embedder(path, options);
    } catch (const Error& e) {
      return e.code;
    }
    return ErrorCode::kInternal;
  };
  EXPECT_EQ(code(folder / "absent.onnx"), ErrorCode::kNotFound);
  const std::string whole = read_file(folder / "model.onnx");
  write_file(folder / "cut.onnx", std::string_view(whole).substr(0, whole.size() / 2));
  EXPECT_EQ(code(folder / "cut.onnx"), ErrorCode::kCorrupt);
  RuntimeOptions nowhere;
  nowhere.device = "NPU";
  EXPECT_EQ(code(folder / "model.onnx", nowhere), ErrorCode::kUnsupported);
  RuntimeOptions wrong;
  wrong.precision = "f64";
  EXPECT_EQ(code(folder / "model.onnx", wrong), ErrorCode::kBadInput);
}

}  // namespace
}  // namespace shoplens
