// SPDX-License-Identifier: Apache-2.0
#include "onnx/model_info.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "onnx/graph.h"
#include "onnx/model_proto.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

class ModelInfoTest : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }
  const fs::path folder =
      fs::temp_directory_path() / ("shoplens_model_info_" + std::to_string(::getpid()));
  const fs::path path = folder / "m.onnx";
  const std::string in_brackets = " (" + path.string() + ")";

  /// The error's text, code and hint of reading `bytes` as a model.
  std::string text_of(const std::string& bytes) {
    std::ofstream(path, std::ios::binary)
        << bytes;  // thousands of times: without write_file's sync
    try {
      read_model_info(path);
    } catch (const Error& e) {
      code = e.code, hint = e.hint;
      return e.what();
    }
    return "no error";
  }
  ErrorCode code{};
  std::string hint;
};

ModelInfo some_info() {
  ModelInfo info;
  info.arch = "mobilenetv2_100";
  info.dim = 512;
  info.preprocessing = {.size = 256,
                        .fit = Fit::kCrop,
                        .crop_pct = 0.9,
                        .interpolation = Interpolation::kBilinear,
                        .decode = Decode::kDraft,
                        .mean = {0.1f, 1.0f / 3, 0.49139968f},
                        .std = {1e-7f, 0.229f, 2.0f / 7}};
  info.labels_hash = sha256_hex("labels");
  return info;
}

std::string small_model(ModelInfo& info) {
  Graph graph;
  const Value x = graph.input("image", {-1, 2});
  graph.output("embedding", graph.linear(x, {{1, 2}, {1, 2}}, {}), {-1, 1});
  return graph.serialize(info);
}

TEST_F(ModelInfoTest, ComesBackFromTheFile) {
  ModelInfo info = some_info();
  write_file(path, small_model(info));
  const ModelInfo read = read_model_info(path);
  EXPECT_EQ(read.arch, info.arch);
  EXPECT_EQ(read.dim, info.dim);
  EXPECT_TRUE(read.preprocessing == info.preprocessing);  // to the last bit of every float
  EXPECT_EQ(read.labels_hash, info.labels_hash);
  EXPECT_EQ(read.fingerprint, info.fingerprint);
  EXPECT_EQ(read.fingerprint.size(), 64u);
}

TEST_F(ModelInfoTest, ClassesComeBackWhateverIsInThem) {
  for (const std::vector<std::string>& classes : {std::vector<std::string>{},
                                                  {"apple"},
                                                  {"a", "b c", "ünï"},
                                                  {"line\nbreak", "back\\slash\\n", ""}}) {
    ModelInfo info = some_info();
    info.classes = classes;
    write_file(path, small_model(info));
    EXPECT_EQ(read_model_info(path).classes, classes);
  }
}

TEST_F(ModelInfoTest, TheFoldHeldOutComesBack) {
  const std::string hash = sha256_hex("photos");
  for (const HeldOutFold& fold :
       {HeldOutFold{0, 5, 9999, hash, ""}, HeldOutFold{9, 10, 0, hash, "shop, of the photo"}}) {
    ModelInfo info = some_info();
    info.held_out = fold;
    write_file(path, small_model(info));
    EXPECT_EQ(read_model_info(path).held_out, fold);
  }
}

TEST_F(ModelInfoTest, WeightBitsComeBack) {
  ModelInfo info = some_info();
  info.weight_bits = 8;
  write_file(path, small_model(info));
  EXPECT_EQ(read_model_info(path).weight_bits, 8);
  auto metadata = to_metadata(info);
  metadata["shoplens.weight_bits"] = "9";
  EXPECT_THROW(from_metadata(metadata, path), Error);
}

TEST_F(ModelInfoTest, AFoldThatIsNoneIsCorrupt) {
  const std::string hash = sha256_hex("photos");
  auto metadata = to_metadata(some_info());
  for (const std::string& text :
       {std::string("0 of 5"), "5 of 5, seed 1, " + hash, "-1 of 5, seed 1, " + hash,
        "0 of 5, seed x, " + hash, "0 of 5, seed 4294967296, " + hash,
        "0 of 4294967296, seed 1, " + hash, "0 of 5, seed 1, " + hash.substr(1),
        "0 of 5, seed 1, " + hash + "x", std::string()}) {
    metadata["shoplens.held_out"] = text;
    try {
      from_metadata(metadata, path);
      ADD_FAILURE() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.code, ErrorCode::kCorrupt);
      EXPECT_NE(std::string(e.what()).find("shoplens.held_out: want"), std::string::npos)
          << e.what();
    }
  }
}

TEST_F(ModelInfoTest, LabelsHashMayBeEmpty) {
  ModelInfo info = some_info();
  info.labels_hash.clear();
  write_file(path, small_model(info));
  EXPECT_EQ(read_model_info(path).labels_hash, "");
}

TEST_F(ModelInfoTest, FingerprintFollowsThePreprocessing) {
  ModelInfo a = some_info(), b = some_info();
  b.preprocessing.size = 257;
  small_model(a);
  small_model(b);
  EXPECT_NE(a.fingerprint, b.fingerprint);
}

TEST_F(ModelInfoTest, AFileCutAnywhereIsCorrupt) {
  ModelInfo info = some_info();
  const std::string bytes = small_model(info);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::string text = text_of(bytes.substr(0, size));
    EXPECT_NE(text, "no error") << size;
    EXPECT_EQ(code, ErrorCode::kCorrupt) << size << ": " << text;
    EXPECT_TRUE(text.ends_with(in_brackets)) << text;
  }
}

TEST_F(ModelInfoTest, AnyChangedByteIsCorrupt) {
  ModelInfo info = some_info();
  const std::string bytes = small_model(info);
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (const char change : {1, -128}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ change);
      const std::string text = text_of(changed);
      EXPECT_NE(text, "no error") << at;
      // The format's number itself may have become another version's.
      EXPECT_TRUE(code == ErrorCode::kCorrupt ||
                  text.find("want shoplens.format 1 or 2") != std::string::npos)
          << at << ": " << text;
    }
}

TEST_F(ModelInfoTest, ErrorsSayWhatIsWrong) {
  ModelInfo info = some_info();
  const std::string bytes = small_model(info);
  EXPECT_EQ(
      text_of("hello, this is a text file"),
      "model: not an ONNX file, or cut short: unknown pbf field type exception" + in_brackets);
  EXPECT_EQ(text_of(""), "model: not an ONNX file, or cut short: no graph" + in_brackets);
  EXPECT_EQ(text_of(bytes + metadata_entry("note", "later")),
            "model: want the fingerprint at the end, got other data after it" + in_brackets);
  std::string changed = bytes;
  changed[bytes.find("image")] = 'I';
  const std::size_t last = metadata_entry(kFingerprintKey, info.fingerprint).size();
  EXPECT_EQ(text_of(changed),
            "model: changed after it was written: want fingerprint " + info.fingerprint + ", got " +
                sha256_hex(changed.substr(0, changed.size() - last)) + in_brackets);
  EXPECT_EQ(text_of(bytes + metadata_entry("shoplens.dim", "3")),
            "model: metadata has shoplens.dim twice" + in_brackets);
}

TEST_F(ModelInfoTest, AnotherProgramsModelIsUnsupported) {
  const std::string graph("\x3a\x00", 2);  // an empty GraphProto
  EXPECT_EQ(text_of(std::string("\x08\x08\x12\x07pytorch", 11) + graph),
            "model: want an ONNX file written by shoplens, got one by pytorch" + in_brackets);
  EXPECT_EQ(code, ErrorCode::kUnsupported);
  EXPECT_EQ(hint,
            "make one with `shoplens import` (from weights) or `shoplens export` (from a run)");
  EXPECT_EQ(
      text_of(graph),
      "model: want an ONNX file written by shoplens, got one by another program" + in_brackets);
}

std::string metadata_error(const std::string& key, const std::string& value) {
  ModelInfo info = some_info();
  info.fingerprint = std::string(64, 'a');
  auto metadata = to_metadata(info);
  if (value == "absent")
    metadata.erase(key);
  else
    metadata[key] = value;
  try {
    from_metadata(metadata, "m.onnx");
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

// So that what was written before there was a choice keeps its fingerprint.
TEST(Metadata, DecodeIsThereWhenItIsNotFull) {
  ModelInfo info = some_info();
  EXPECT_EQ(to_metadata(info).at("shoplens.decode"), "draft");
  EXPECT_EQ(to_metadata(info).at("shoplens.format"), "2");  // not read by who does not know it
  info.preprocessing.decode = Decode::kFull;
  EXPECT_FALSE(to_metadata(info).contains("shoplens.decode"));
  EXPECT_EQ(to_metadata(info).at("shoplens.format"), "1");
  info.fingerprint = std::string(64, 'a');
  EXPECT_EQ(from_metadata(to_metadata(info), "m.onnx").preprocessing.decode, Decode::kFull);
}

TEST(Metadata, ErrorsNameTheKey) {
  EXPECT_EQ(metadata_error("shoplens.arch", "x"), "no error");
  EXPECT_EQ(metadata_error("shoplens.arch", "absent"),
            "model: want metadata shoplens.arch, got none (m.onnx)");
  EXPECT_EQ(metadata_error("shoplens.format", "3"),
            "model: want shoplens.format 1 or 2, got 3 (m.onnx)");
  EXPECT_EQ(metadata_error("shoplens.dim", "0"),
            "model: shoplens.dim: want an integer in 1..65536, got \"0\" (m.onnx)");
  EXPECT_EQ(
      metadata_error("shoplens.input_size", "9999999999999"),
      "model: shoplens.input_size: want an integer in 1..8192, got \"9999999999999\" (m.onnx)");
  EXPECT_EQ(metadata_error("shoplens.input_size", "12a"),
            "model: shoplens.input_size: want an integer in 1..8192, got \"12a\" (m.onnx)");
  EXPECT_EQ(metadata_error("shoplens.crop_pct", "nan"),
            "model: shoplens.crop_pct: want a number over 0, at most 1, got \"nan\" (m.onnx)");
  EXPECT_EQ(metadata_error("shoplens.fit", "stretch"),
            "model: shoplens.fit: want squash, crop or letterbox, got \"stretch\" (m.onnx)");
  EXPECT_EQ(metadata_error("shoplens.decode", "half"),
            "model: shoplens.decode: want full or draft, got \"half\" (m.onnx)");
  EXPECT_EQ(metadata_error("shoplens.interpolation", ""),
            "model: shoplens.interpolation: want bilinear or bicubic, got \"\" (m.onnx)");
  EXPECT_EQ(metadata_error("shoplens.mean", "1 2"),
            "model: shoplens.mean: want three numbers, got \"1 2\" (m.onnx)");
  EXPECT_EQ(metadata_error("shoplens.mean", "1 2 3 4"),
            "model: shoplens.mean: want three numbers, got \"1 2 3 4\" (m.onnx)");
  EXPECT_EQ(metadata_error("shoplens.std", "1 inf 1"),
            "model: shoplens.std: want three numbers, got \"1 inf 1\" (m.onnx)");
  EXPECT_EQ(metadata_error("shoplens.std", "1 0 1"),
            "model: shoplens.std: want numbers over 0, got \"1 0 1\" (m.onnx)");
  EXPECT_EQ(metadata_error("shoplens.labels_hash", "abc"),
            "model: shoplens.labels_hash: want 64 hexadecimal digits, got \"abc\" (m.onnx)");
  EXPECT_EQ(metadata_error("shoplens.fingerprint", std::string(64, 'G')),
            "model: shoplens.fingerprint: want 64 hexadecimal digits, got \"" +
                std::string(64, 'G') + "\" (m.onnx)");
}

}  // namespace
}  // namespace shoplens
