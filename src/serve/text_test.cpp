// SPDX-License-Identifier: Apache-2.0
#include "serve/text.h"

#include <gtest/gtest.h>

namespace shoplens {
namespace {

TEST(Text, Utf8ThatIsSoundAndPlain) {
  for (const char* good :
       {"", "abc", "Gröde", "\xe2\x82\xac", "\xf0\x9f\x8d\x8e", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_plain_utf8(good)) << good;
  for (const char* bad :
       {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80",
        "\xf4\x90\x80\x80", "a\nb", "\x7f", "\x1b[0m", "\xff", "\xe2\x82"})
    EXPECT_FALSE(is_plain_utf8(bad));
  EXPECT_FALSE(is_plain_utf8(std::string_view("a\0b", 3)));
}

TEST(Text, Base64) {  // RFC 4648, section 10
  const std::pair<const char*, const char*> pairs[] = {
      {"", ""}, {"Zg==", "f"}, {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"Zm9vYmFy", "foobar"}};
  for (const auto& [text, bytes] : pairs) EXPECT_EQ(base64_decoded(text), bytes);
  EXPECT_EQ(base64_decoded("+/8=")->size(), 2u);
  for (const char* bad :
       {"Z", "Zg=", "Zg", "Z===", "====", "Zm9v\n", "Zg==Zg==", "Zm=v", "Z\xc3g="})
    EXPECT_FALSE(base64_decoded(bad)) << bad;
}

TEST(Text, HexCaseAndSpaces) {
  EXPECT_EQ(hex_value('0'), 0);
  EXPECT_EQ(hex_value('f'), 15);
  EXPECT_EQ(hex_value('F'), 15);
  EXPECT_EQ(hex_value('g'), -1);
  EXPECT_EQ(lower_case("AbC-Ä"), "abc-Ä");
  EXPECT_EQ(trimmed(" \t a b\t "), "a b");
  EXPECT_EQ(trimmed("  "), "");
}

TEST(Text, CountsCharacters) {
  EXPECT_EQ(characters_of(""), 0u);
  EXPECT_EQ(characters_of("a\u00e9\u20ac\U0001f600"), 4u);
}

TEST(Text, TellsTheTime) {
  const std::string now = utc_now();
  ASSERT_EQ(now.size(), 24u);
  EXPECT_EQ(now[10], 'T');
  EXPECT_EQ(now[19], '.');
  EXPECT_EQ(now[23], 'Z');
}

}  // namespace
}  // namespace shoplens
