// SPDX-License-Identifier: Apache-2.0
#include "data/npy.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "core/error.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

class Npy : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              join("npy_", testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder_);
    path_ = folder_ / "x.npy";
  }
  void TearDown() override { fs::remove_all(folder_); }

  // A file with this header text (padded to 64 as NumPy does) and so many floats 0, 1, ...
  void write(const std::string& header, int floats, char version = 1) {
    std::string text = header + '\n';
    std::string bytes =
        std::string("\x93NUMPY") + version + '\0' + static_cast<char>(text.size()) + '\0';
    if (version > 1) bytes += {'\0', '\0'};
    bytes += text;
    for (int i = 0; i < floats; ++i) {
      const auto value = static_cast<float>(i);
      bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    put(bytes);
  }
  // Without write_file's fsync: some tests write hundreds of files.
  void put(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }
  ErrorCode error() {
    try {
      read_npy(path_);
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("x.npy"), std::string::npos) << error.what();
      return error.code;
    }
    return ErrorCode::kInternal;
  }

  fs::path folder_, path_;
};

TEST_F(Npy, ReadsBackWhatItWrites) {
  const std::vector<float> values{1, -2.5f, 3e-30f, 0, 5, 6};
  NpyWriter writer(path_, 3);
  writer.append(std::span(values).first(3));
  writer.append({});
  writer.append(std::span(values).last(3));
  EXPECT_EQ(writer.rows(), 2);
  EXPECT_FALSE(fs::exists(path_));
  writer.commit();
  const NpyMatrix matrix = read_npy(path_);
  EXPECT_EQ(matrix.rows, 2);
  EXPECT_EQ(matrix.dim, 3);
  EXPECT_EQ(matrix.values, values);
}

TEST_F(Npy, HasTheBytesOfTheFormat) {
  write_npy(path_, std::vector<float>{1, 2}, 2);
  const std::string bytes = read_file(path_);
  EXPECT_EQ(bytes.size(), 128u + 8u);
  EXPECT_EQ(bytes.substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  EXPECT_TRUE(
      bytes.substr(10).starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), } "));
  EXPECT_EQ(bytes[127], '\n');
}

TEST_F(Npy, KeepsAMatrixWithoutRows) {
  write_npy(path_, {}, 7);
  EXPECT_EQ(read_npy(path_).rows, 0);
  EXPECT_EQ(read_npy(path_).dim, 7);
}

TEST_F(Npy, LeavesNothingWithoutCommit) {
  {
    NpyWriter(path_, 2).append(std::vector<float>{1, 2});
  }
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(Npy, RefusesHalfARow) {
  NpyWriter writer(path_, 2);
  EXPECT_THROW(writer.append(std::vector<float>(3)), Error);
  EXPECT_THROW(NpyWriter(path_, 0), Error);
}

TEST_F(Npy, ReadsOtherSpellingsOfTheHeader) {
  for (const char version : {1, 2, 3}) {
    write("{\"shape\":(2,3,),'fortran_order':False,'descr':'<f4'}", 6, version);
    EXPECT_EQ(read_npy(path_).values, (std::vector<float>{0, 1, 2, 3, 4, 5}));
  }
}

TEST_F(Npy, RefusesOtherArrays) {
  for (const char* header : {"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }",
                             "{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }",
                             "{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }",
                             "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }",
                             "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }",
                             "{'descr': '<f4', 'fortran_order': False, 'shape': (), }"}) {
    write(header, 6);
    EXPECT_EQ(error(), ErrorCode::kUnsupported) << header;
  }
  write("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 6, 4);
  EXPECT_EQ(error(), ErrorCode::kUnsupported);
}

TEST_F(Npy, RefusesBrokenHeadersAndSizes) {
  for (const char* header :
       {"", "{", "{}", "{'descr': '<f4', 'fortran_order': False}", "{'descr': '<f4",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3L)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 3)}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} more",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (6, 0), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 2), }"}) {
    write(header, 6);
    EXPECT_EQ(error(), ErrorCode::kCorrupt) << header;
  }
}

TEST_F(Npy, TruncationAtAnyByteIsAnError) {
  write_npy(path_, std::vector<float>(6), 3);
  const std::string bytes = read_file(path_);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    put(bytes.substr(0, n));
    EXPECT_EQ(error(), ErrorCode::kCorrupt) << n;
  }
  put(bytes + "x");
  EXPECT_EQ(error(), ErrorCode::kCorrupt);
}

TEST_F(Npy, AnyChangedHeaderByteIsAMatrixOrAnError) {
  write_npy(path_, std::vector<float>(6), 3);
  const std::string bytes = read_file(path_);
  for (std::size_t at = 0; at < 70; ++at)
    for (const char value : {'\0', '9', '\'', '(', '\xff'}) {
      std::string changed = bytes;
      changed[at] = value;
      put(changed);
      try {
        read_npy(path_);
      } catch (const Error&) {
      }
    }
}

TEST_F(Npy, AMissingFileIsNotFound) { EXPECT_EQ(error(), ErrorCode::kNotFound); }

}  // namespace
}  // namespace shoplens
