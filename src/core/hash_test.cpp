// SPDX-License-Identifier: Apache-2.0
#include "core/hash.h"

#include <gtest/gtest.h>

namespace shoplens {
namespace {

TEST(Sha256, EqualsTheStandardsExamples) {  // FIPS 180-4 example values
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesAreTheWhole) {
  Sha256 hash;
  for (const char* piece : {"a", "", "bc"}) hash.update(piece);
  EXPECT_EQ(hash.hex(), sha256_hex("abc"));
}

// Of Python's xxhash 3: xxh3_64(bytes, seed=xxh3_64(key).intdigest()).hexdigest().
TEST(Checksum, EqualsAnotherProgramsXxh3) {
  EXPECT_EQ(checksum_hex("", ""), "412f1275e10017f3");
  EXPECT_EQ(checksum_hex("abc", "a key"), "203a7977218cb14b");
  EXPECT_EQ(checksum_hex(std::string(1'000'000, 'a'), "a key"), "4aeb8817538b8b88");
}

}  // namespace
}  // namespace shoplens
