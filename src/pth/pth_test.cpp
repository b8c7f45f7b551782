// SPDX-License-Identifier: Apache-2.0
// On files of torch.save and hostile ones; tools/make_pth_goldens.py made them.
#include "pth/pth.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"

namespace shoplens {
namespace {

std::string golden(const std::string& name) {
  return SHOPLENS_SOURCE_DIR "/tests/golden/pth/" + name;
}

const PthTensor& named(const std::vector<PthTensor>& tensors, const std::string& name) {
  for (const PthTensor& tensor : tensors)
    if (tensor.name == name) return tensor;
  throw std::out_of_range(name);
}

template <class T>
std::vector<T> values(const PthTensor& tensor) {
  std::vector<T> out(tensor.bytes.size() / sizeof(T));
  std::memcpy(out.data(), tensor.bytes.data(), tensor.bytes.size());
  return out;
}

using Shape = std::vector<std::int64_t>;

class SoundFile : public testing::TestWithParam<const char*> {};

TEST_P(SoundFile, GivesEveryTensorRowMajor) {
  const auto all = read_pth(golden(GetParam()));
  EXPECT_EQ(all.size(), 10u);
  EXPECT_EQ(all[0].name, "conv.weight");
  EXPECT_EQ(all[0].type, "Float");
  EXPECT_EQ(all[0].shape, (Shape{2, 2, 2, 2}));
  EXPECT_EQ(values<float>(all[0])[9], 9 / 8.0F);
  EXPECT_EQ(named(all, "transposed").shape, (Shape{4, 3}));
  EXPECT_EQ(values<float>(named(all, "transposed")),
            (std::vector<float>{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}));
  EXPECT_EQ(values<float>(named(all, "tail")), (std::vector<float>{6, 7, 10, 11}));
  EXPECT_EQ(named(all, "half").type, "Half");
  EXPECT_EQ(values<std::uint16_t>(named(all, "half")),
            (std::vector<std::uint16_t>{0x3e00, 0xc000}));
  EXPECT_EQ(values<std::uint16_t>(named(all, "bfloat16")),
            (std::vector<std::uint16_t>{0x3fc0, 0xc000}));
  EXPECT_EQ(values<double>(named(all, "double")), (std::vector<double>{0.1}));
  EXPECT_EQ(named(all, "steps").shape, Shape{});
  EXPECT_EQ(values<std::int64_t>(named(all, "steps")), (std::vector<std::int64_t>{7}));
  EXPECT_EQ(values<std::uint8_t>(named(all, "bytes")), (std::vector<std::uint8_t>{0, 255}));
  EXPECT_EQ(values<std::uint8_t>(named(all, "mask")), (std::vector<std::uint8_t>{1, 0}));
  EXPECT_EQ(named(all, "empty").shape, (Shape{0, 3}));
}

INSTANTIATE_TEST_SUITE_P(Pth, SoundFile,
                         testing::Values("zip.pth", "zip_without_checksums.pth", "legacy.pth"));

TEST(Pth, TakesTheStateDictOfATrainingCheckpoint) {
  const auto all = read_pth(golden("nested.pth"));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(values<float>(named(all, "weight")).size(), 2u);
  EXPECT_EQ(named(all, "weight").shape, (Shape{1, 2}));
}

TEST(Pth, PassesOverWhatScriptsKeepBesideTheWeights) {
  const auto all = read_pth(golden("script.pth"));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(values<float>(named(all, "weight")), (std::vector<float>{2.9f, 3.9f}));
}

TEST(Pth, ReadsParametersAsTensors) {
  EXPECT_EQ(values<float>(named(read_pth(golden("parameter.pth")), "weight")),
            (std::vector<float>{1}));
}

std::string error_of(const std::string& name) {
  try {
    read_pth(golden(name));
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(Pth, RefusesWhatIsNoTensorAndRunsNothing) {
  EXPECT_NE(error_of("bad_call.pth").find("got posix.system"), std::string::npos)
      << error_of("bad_call.pth");
  EXPECT_FALSE(std::filesystem::exists("/tmp/shoplens-was-here"));
  EXPECT_NE(error_of("bad_class.pth").find("got decimal.Decimal"), std::string::npos)
      << error_of("bad_class.pth");
  EXPECT_NE(error_of("bad_plain.pth").find("eval"), std::string::npos) << error_of("bad_plain.pth");
}

TEST(Pth, NamesTheDamage) {
  EXPECT_NE(error_of("bad_truncated.pth").find("no end record"), std::string::npos);
  EXPECT_NE(error_of("bad_compressed.pth").find("compressed"), std::string::npos);
  EXPECT_NE(error_of("bad_beyond.pth").find("goes beyond"), std::string::npos)
      << error_of("bad_beyond.pth");
  EXPECT_NE(error_of("bad_beyond.pth").find("bad_beyond.pth"), std::string::npos);
}

// A few bytes call for another copy of shape and strides, so their length is bounded as they are.
TEST(Pth, RefusesTensorsOfManyDimensionsAsTheyAreMade) {
  EXPECT_NE(error_of("bad_dimensions.pth").find("want at most 64 dimensions, got 65"),
            std::string::npos)
      << error_of("bad_dimensions.pth");
}

using namespace std::string_literals;

std::string text(const std::string& value) {  // a pickled string
  const auto size = static_cast<std::uint32_t>(value.size());
  std::string pickled("X\0\0\0\0"s);
  std::memcpy(pickled.data() + 1, &size, sizeof size);
  return pickled + value;
}

// One element of the storage "0".
const std::string kTensor = "ctorch._utils\n_rebuild_tensor_v2\n(("s + text("storage") +
                            "ctorch\nFloatStorage\n" + text("0") + text("cpu") +
                            "K\1tQK\0K\1\x85K\1\x85\x89}tR"s;

// A file of before 1.6 that holds a pickled value and the storage "0" of one element.
std::string checkpoint(const std::string& value) {
  const std::string start = "\x80\2"s, none = start + "N.";
  return none + none + none + start + value + "." + start + "]" + text("0") + "a." +
         "\1\0\0\0\0\0\0\0"s + "\0\0\x80\x3f"s;
}

// A pickled dictionary of such tensors.
std::string dict_of(const std::vector<std::string>& names) {
  std::string dict = "}";
  for (const std::string& name : names) dict += text(name) + kTensor + "s";
  return dict;
}

std::string error_in(const std::string& value) {
  try {
    parse_pth(checkpoint(value), "made.pth");
  } catch (const Error& e) {
    EXPECT_EQ(e.code, ErrorCode::kCorrupt) << e.what();
    EXPECT_NE(std::string(e.what()).find("(made.pth)"), std::string::npos) << e.what();
    return e.what();
  }
  return "no error";
}

TEST(Pth, RefusesANameTwice) {
  const auto sound = parse_pth(checkpoint(dict_of({"a", "b"})), "made.pth");
  ASSERT_EQ(sound.size(), 2u);
  EXPECT_EQ(values<float>(named(sound, "b")), (std::vector<float>{1}));
  EXPECT_NE(error_in(dict_of({"a", "b", "a"})).find("want each name once, got a again"),
            std::string::npos);
  const std::string inner = text("state_dict") + dict_of({"a"}) + "s";
  EXPECT_EQ(error_in("}" + inner), "no error");
  EXPECT_NE(error_in("}" + inner + inner).find("got state_dict again"), std::string::npos);
  EXPECT_NE(error_in("}" + text("model") + dict_of({"c", "c"}) + "s").find("got c again"),
            std::string::npos);
}

TEST(Pth, RefusesLongNames) {
  EXPECT_EQ(error_in(dict_of({std::string(1000, 'n')})), "no error");
  EXPECT_NE(error_in(dict_of({std::string(1001, 'n')})).find("want names of at most 1000 bytes"),
            std::string::npos);
  // One of a megabyte that two bytes each call for again: "q" remembers a value, "h" repeats it.
  std::string many = "}" + text(std::string(1 << 20, 'n')) + "q\0"s + kTensor + "q\1"s + "s(";
  for (int i = 0; i < 1000; ++i) many += "h\0h\1"s;
  EXPECT_NE(error_in(many + "u").find("want names of at most 1000 bytes"), std::string::npos);
}

TEST(Pth, RefusesMoreTensorsThanTheFileHasBytesFor) {
  std::string many = "}" + text("0") + kTensor + "q\0"s + "s(";
  for (int i = 1; i < 10000; ++i) many += text(std::to_string(i)) + "h\0"s;
  EXPECT_NE(error_in(many + "u").find("want tensors not much larger than the file"),
            std::string::npos);
}

TEST(Pth, RefusesAPickleWhoseValuesTakeFarMoreThanItself) {
  const auto refused = [](const std::string& value) {
    return error_in(value + dict_of({"a"})).find("want pickled values that take at most ") !=
           std::string::npos;
  };
  EXPECT_TRUE(refused(std::string(200'000, ']')));
  // Storages whose name is long: remembered, and asked for and dropped again and again.
  std::string storages = "(" + text("storage") + "ctorch\nFloatStorage\n" +
                         text(std::string(1000, '0')) + text("cpu") + "K\1tq\0"s;
  for (int i = 0; i < 20'000; ++i) storages += "Q0h\0"s;
  EXPECT_TRUE(refused(storages));
  // Lists as scripts keep them.
  std::string numbers, flags;
  for (int i = 0; i < 100'000; ++i) numbers += "K\1", flags += "\x88";
  for (const std::string& list : {numbers, flags})
    EXPECT_EQ(error_in(dict_of({"a"}) + text("history") + "](" + list + "es"), "no error");
}

// A network with one wrong weight answers, wrongly.
TEST(Pth, AFlippedByteOfATensorIsSeen) {
  std::string bytes = read_file(golden("zip.pth"));
  const float ninth = 9 / 8.0F;  // of conv.weight, the first tensor
  std::string pattern(sizeof ninth, '\0');
  std::memcpy(pattern.data(), &ninth, sizeof ninth);
  const std::size_t at = bytes.find(pattern);
  ASSERT_NE(at, std::string::npos);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  try {
    parse_pth(bytes, "flipped.pth");
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code, ErrorCode::kCorrupt);
    EXPECT_NE(std::string(e.what()).find("want the entry zip/data/0 with the checksum "),
              std::string::npos)
        << e.what();
    EXPECT_NE(std::string(e.what()).find("(flipped.pth)"), std::string::npos) << e.what();
    EXPECT_NE(e.hint.find("again"), std::string::npos);
  }
}

TEST(Pth, NoFlippedByteChangesATensorUnseen) {
  const std::string sound = read_file(golden("zip.pth"));
  const auto want = parse_pth(sound, "zip.pth");
  std::size_t seen = 0;
  for (std::size_t i = 0; i < sound.size(); ++i) {
    std::string bytes = sound;
    bytes[i] = static_cast<char>(bytes[i] ^ '\x10');
    try {
      const auto got = parse_pth(bytes, "zip.pth");
      ASSERT_EQ(got.size(), want.size()) << i;
      for (std::size_t t = 0; t < got.size(); ++t) {
        EXPECT_EQ(got[t].name, want[t].name) << i;
        EXPECT_EQ(got[t].type, want[t].type) << i;
        EXPECT_EQ(got[t].shape, want[t].shape) << i;
        EXPECT_EQ(got[t].bytes, want[t].bytes) << i;
      }
    } catch (const Error&) {
      ++seen;
    }
  }
  EXPECT_GT(seen, 0u);
}

// Any byte may be wrong, and the file may end anywhere.
TEST(Pth, DamageGivesTensorsOrAnError) {
  for (const char* name : {"zip.pth", "zip_without_checksums.pth", "legacy.pth"}) {
    const std::string sound = read_file(golden(name));
    for (std::size_t i = 0; i < sound.size(); ++i) {
      for (const char flip : {'\x01', '\x80', '\xff'}) {
        std::string bytes = sound;
        bytes[i] = static_cast<char>(bytes[i] ^ flip);
        try {
          parse_pth(bytes, name);
        } catch (const Error&) {
        }
      }
      try {
        parse_pth(std::string_view(sound).substr(0, i), name);
      } catch (const Error&) {
      }
    }
  }
}

TEST(Pth, IsToldByItsFirstBytes) {
  EXPECT_TRUE(looks_like_pth(read_file(golden("zip.pth"))));
  EXPECT_TRUE(looks_like_pth(read_file(golden("legacy.pth"))));
  EXPECT_FALSE(looks_like_pth(""));
  EXPECT_FALSE(looks_like_pth(std::string("\x40\x00\x00\x00\x00\x00\x00\x00{", 9)));  // safetensors
}

}  // namespace
}  // namespace shoplens
