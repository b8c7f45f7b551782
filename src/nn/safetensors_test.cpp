// SPDX-License-Identifier: Apache-2.0
#include "nn/safetensors.h"

#include <gtest/gtest.h>
#include <torch/types.h>
#include <unistd.h>

#include <fstream>

#include "core/error.h"
#include "core/files.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

const torch::ScalarType kTypes[] = {torch::kDouble, torch::kFloat, torch::kHalf, torch::kBFloat16,
                                    torch::kLong,   torch::kInt,   torch::kByte, torch::kBool};

class SafetensorsTest : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }
  const fs::path folder =
      fs::temp_directory_path() / ("shoplens_safetensors_" + std::to_string(::getpid()));
  const fs::path path = folder / "w.safetensors";

  void put(const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

  /// The error of reading a file of this header and data; without "safetensors: " and the path.
  std::string error_of(const std::string& header, const std::string& data = "") {
    std::uint64_t length = header.size();
    put(std::string(reinterpret_cast<const char*>(&length), 8) + header + data);
    return error_of_file();
  }
  std::string error_of_file() {
    try {
      read_safetensors(path);
    } catch (const Error& e) {
      code = e.code;
      const std::string text = e.what(), head = "safetensors: ", tail = " (" + path.string() + ")";
      EXPECT_TRUE(text.starts_with(head) && text.ends_with(tail)) << text;
      return text.substr(head.size(), text.size() - head.size() - tail.size());
    }
    return "no error";
  }
  ErrorCode code{};
};

void expect_same(const torch::Tensor& a, const torch::Tensor& b) {
  EXPECT_EQ(a.scalar_type(), b.scalar_type());
  EXPECT_EQ(a.sizes(), b.sizes());
  EXPECT_TRUE(torch::equal(a, b));
}

TEST_F(SafetensorsTest, EveryTypeComesBack) {
  NamedTensors tensors;
  for (const torch::ScalarType type : kTypes)
    tensors.emplace_back(torch::toString(type), torch::arange(6).reshape({2, 3}).to(type));
  tensors.emplace_back("scalar", torch::tensor(3.5));
  tensors.emplace_back("empty", torch::empty({0, 4}));
  tensors.emplace_back("a name with \"quotes\" and \xc3\xa9", torch::ones({1}));
  write_safetensors(path, tensors, {{"step", "12"}, {"", "empty key"}});
  const Safetensors read = read_safetensors(path);
  ASSERT_EQ(read.tensors.size(), tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i)
    expect_same(read.tensors[i].second, tensors[i].second);
  EXPECT_EQ(read.metadata, (std::map<std::string, std::string>{{"step", "12"}, {"", "empty key"}}));
}

TEST_F(SafetensorsTest, KeepsTheOrderGiven) {
  write_safetensors(
      path,
      {{"b", torch::ones({3})}, {"a", torch::zeros({0})}, {"c", torch::ones({1}, torch::kByte)}});
  const Safetensors read = read_safetensors(path);
  // An empty tensor has no place of its own: here it stands where `c` starts, before it.
  EXPECT_EQ(read.tensors[0].first + read.tensors[1].first + read.tensors[2].first, "bac");
}

TEST_F(SafetensorsTest, WritesAnyStrides) {
  const torch::Tensor x = torch::arange(12).reshape({3, 4});
  write_safetensors(path, {{"t", x.t()}, {"s", x.slice(1, 0, 4, 2)}, {"e", x[0][1].expand({5})}});
  const Safetensors read = read_safetensors(path);
  expect_same(read.tensors[0].second, x.t());
  expect_same(read.tensors[1].second, x.slice(1, 0, 4, 2));
  expect_same(read.tensors[2].second, torch::ones({5}, torch::kLong));
}

TEST_F(SafetensorsTest, HeaderIsPaddedToEightBytes) {
  for (int n = 1; n < 10; ++n) {
    write_safetensors(path, {{std::string(static_cast<std::size_t>(n), 'x'), torch::ones({1})}});
    const std::string bytes = read_file(path);
    EXPECT_EQ(static_cast<unsigned char>(bytes[0]) % 8, 0);
    EXPECT_EQ((bytes.size() - 4) % 8, 0u);
  }
}

TEST_F(SafetensorsTest, ReadsWhatPythonWrote) {
  const Safetensors read =
      read_safetensors(SHOPLENS_SOURCE_DIR "/tests/golden/nn/tiny.safetensors");
  EXPECT_EQ(read.metadata.at("made by"), "safetensors 0.8.0");
  std::map<std::string, torch::Tensor> tensors(read.tensors.begin(), read.tensors.end());
  ASSERT_EQ(tensors.size(), 10u);
  const char* const names[] = {"f64", "f32", "f16", "bf16", "i64", "i32", "u8", "bool"};
  for (int i = 0; i < 8; ++i)
    expect_same(tensors.at(names[i]), torch::arange(6).reshape({2, 3}).to(kTypes[i]));
  expect_same(tensors.at("scalar"), torch::tensor(7, torch::kLong));
  expect_same(tensors.at("empty"), torch::zeros({0, 3}));
}

TEST_F(SafetensorsTest, AFileCutAnywhereIsCorrupt) {
  write_safetensors(path, {{"a", torch::ones({2, 2})}, {"b", torch::ones({3}, torch::kLong)}},
                    {{"k", "v"}});
  const std::string bytes = read_file(path);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    put(bytes.substr(0, size));
    EXPECT_NE(error_of_file(), "no error") << size;
    EXPECT_EQ(code, ErrorCode::kCorrupt) << size;
  }
  put(bytes + "x");
  EXPECT_EQ(error_of_file(), "want 40 bytes of data, got 41");
}

TEST_F(SafetensorsTest, HostileHeadersAreRefused) {
  const auto tensor = [](const std::string& shape, const std::string& offsets,
                         const std::string& type = "F32") {
    return R"("a":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
           "}";
  };
  const auto one = [&](const std::string& shape, const std::string& offsets) {
    return error_of("{" + tensor(shape, offsets) + "}", "12345678");
  };
  EXPECT_EQ(one("[2]", "[0,8]"), "no error");
  EXPECT_EQ(one("[-2]", "[0,8]"), "a: want a shape of at most 64 whole numbers, got [-2]");
  EXPECT_EQ(one("[2.0]", "[0,8]"), "a: want a shape of at most 64 whole numbers, got [2.0]");
  EXPECT_EQ(one("[\"2\"]", "[0,8]"), "a: want a shape of at most 64 whole numbers, got [\"2\"]");
  EXPECT_EQ(one("2", "[0,8]"), "a: want a shape of at most 64 whole numbers, got 2");
  EXPECT_EQ(one("[9223372036854775808]", "[0,8]"),
            "a: want a shape of at most 64 whole numbers, got [9223372036854775808]");
  EXPECT_EQ(one("[4611686018427387904,2]", "[0,8]"),
            "a: want a shape under 2^63 bytes, got [4611686018427387904, 2]");
  EXPECT_EQ(one("[4611686018427387904,4,0]", "[0,8]"),
            "a: want a shape under 2^63 bytes, got [4611686018427387904, 4, 0]");
  EXPECT_EQ(one("[2]", "[-8,0]"), "a: want two data_offsets, got [-8,0]");
  EXPECT_EQ(one("[2]", "[0,8,9]"), "a: want two data_offsets, got [0,8,9]");
  EXPECT_EQ(one("[2]", "[8,0]"), "a: want data_offsets 8 bytes apart, got 8 and 0");
  EXPECT_EQ(one("[2]", "[0,4]"), "a: want data_offsets 8 bytes apart, got 0 and 4");
  EXPECT_EQ(one("[2]", "[4,12]"), "a: want its data at 0, got 4: a hole or an overlap");
  EXPECT_EQ(one("[4]", "[0,16]"), "want 16 bytes of data, got 8");
  const std::string b = R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]})";
  EXPECT_EQ(error_of("{" + tensor("[1]", "[0,4]") + "," + b + "}", "123456"),
            "b: want its data at 4, got 2: a hole or an overlap");
  EXPECT_EQ(error_of("{" + tensor("[1]", "[0,4]") + "," + tensor("[1]", "[4,8]") + "}", "12345678"),
            "want each name once, got a twice");
  EXPECT_EQ(
      error_of(R"({"a":{"dtype":"F32","dtype":"F32","shape":[],"data_offsets":[0,4]}})", "1234"),
      "want each name once, got dtype twice");
  EXPECT_EQ(error_of("{" + tensor("[1]", "[0,1]", "BOOL") + "}", "\x02"),
            "a: want BOOL bytes 0 and 1, got another");
  EXPECT_EQ(error_of(R"({"a":{"dtype":"F32","shape":[1]}})"),
            R"(a: want dtype, shape and data_offsets, got {"dtype":"F32","shape":[1]})");
  EXPECT_EQ(error_of(R"({"a":7})"), "a: want dtype, shape and data_offsets, got 7");
  EXPECT_EQ(error_of(R"({"__metadata__":{"k":1}})"),
            "__metadata__: want a string for k, got number");
  EXPECT_EQ(error_of(R"({"__metadata__":[]})"), "__metadata__: want an object, got array");
  EXPECT_EQ(error_of(" {}"), "want a header that starts with {");
  EXPECT_EQ(error_of("[]"), "want a header that starts with {");
  EXPECT_EQ(error_of(""), "want a header that starts with {");
  EXPECT_TRUE(error_of("{\"a\xff\":1}").starts_with("the header is not JSON: "));
  EXPECT_EQ(error_of("{\"a\":" + std::string(1 << 20, '[') + "}"),
            "want a header of depth 3, got a deeper one");
  EXPECT_EQ(code, ErrorCode::kCorrupt);
  EXPECT_EQ(error_of("{}  "), "no error");  // padded, without a tensor
}

TEST_F(SafetensorsTest, HeaderLengthIsCheckedBeforeItIsBelieved) {
  put(std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10));
  EXPECT_EQ(error_of_file(), "want a header of at most 100000000 bytes, got 18446744073709551615");
  put(std::string("\x03\0\0\0\0\0\0\0{}", 10));
  EXPECT_EQ(error_of_file(), "want a header of 3 bytes, got 2");
}

TEST_F(SafetensorsTest, OtherTypesAreUnsupported) {
  EXPECT_EQ(error_of(R"({"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})", "x"),
            "a: want a type of F64, F32, F16, BF16, I64, I32, U8, BOOL, got \"F8_E4M3\"");
  EXPECT_EQ(code, ErrorCode::kUnsupported);
  EXPECT_THROW(write_safetensors(path, {{"a", torch::ones({1}, torch::kShort)}}), Error);
  EXPECT_THROW(write_safetensors(path, {{"a", torch::ones({1})}, {"a", torch::ones({1})}}), Error);
}

std::string load_error(const NamedTensors& into, const NamedTensors& from,
                       const std::vector<std::string>& ignored = {}) {
  try {
    load_tensors(into, from, "w.safetensors", ignored);
  } catch (const Error& e) {
    EXPECT_EQ(e.code, ErrorCode::kBadInput);
    return e.what();
  }
  return "no error";
}

TEST(LoadTensors, CopiesByNameAndConvertsFloats) {
  const torch::Tensor weight = torch::zeros({2}).requires_grad_(),
                      count = torch::zeros({}, torch::kLong);
  const torch::Tensor before = count.clone();
  load_tensors({{"w", weight}, {"bn.num_batches_tracked", count}},
               {{"fc.weight", torch::ones({9})}, {"w", torch::full({2}, 1.5, torch::kHalf)}}, "f",
               {"fc."});
  EXPECT_TRUE(torch::equal(weight, torch::full({2}, 1.5f)));
  EXPECT_EQ(weight.scalar_type(), torch::kFloat);
  EXPECT_TRUE(torch::equal(count, before));
}

TEST(LoadTensors, ListsEveryMisfitAndCopiesNothing) {
  const torch::Tensor good = torch::zeros({1}), square = torch::zeros({2, 2}),
                      count = torch::zeros({}, torch::kLong);
  EXPECT_EQ(load_error({{"good", good}, {"square", square}, {"gone", good}, {"count", count}},
                       {{"good", torch::ones({1})},
                        {"square", torch::ones({3})},
                        {"fc.bias", torch::ones({4})},
                        {"count", torch::ones({})},
                        {"head", torch::ones({5})}},
                       {"fc."}),
            "weights: want the network's tensors, got 1 missing, 1 unexpected, 2 that do not fit "
            "(w.safetensors)\n"
            "  missing: gone [1] Float\n"
            "  unexpected: head [5] Float\n"
            "  does not fit: square: want [2, 2] Float, got [3] Float\n"
            "  does not fit: count: want [] Long, got [] Float");
  EXPECT_EQ(good.item<float>(), 0);
}

TEST(LoadTensors, ListsAreCut) {
  NamedTensors from;
  for (int i = 0; i < 13; ++i) from.emplace_back(join("t", i), torch::ones({1}));
  const std::string text = load_error({}, from);
  EXPECT_NE(text.find("\n  unexpected: t9 [1] Float\n  unexpected: and 3 more"), std::string::npos)
      << text;
  EXPECT_EQ(text.find("t10"), std::string::npos);
}

}  // namespace
}  // namespace shoplens
