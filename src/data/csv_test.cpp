// SPDX-License-Identifier: Apache-2.0
#include "data/csv.h"

#include <gtest/gtest.h>

#include <cstddef>

#include "core/error.h"
#include "core/random.h"

namespace shoplens {
namespace {

using Fields = std::vector<std::string>;

std::vector<Fields> fields_of(std::string_view text) {
  std::vector<Fields> all;
  for (auto& row : parse_csv(text, "x.csv")) all.push_back(std::move(row.fields));
  return all;
}

std::string error_of(std::string_view text) {
  try {
    parse_csv(text, "x.csv");
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kBadInput);
    return error.what();
  }
  return "none";
}

TEST(Csv, ReadsPlainAndQuotedFields) {
  EXPECT_EQ(fields_of("a,b\n1,2\n"), (std::vector<Fields>{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(fields_of("\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\"\n"),
            (std::vector<Fields>{{"a,b", "say \"hi\"", "two\nlines"}}));
  EXPECT_EQ(fields_of(" a , b"),
            (std::vector<Fields>{{" a ", " b"}}));  // spaces belong to the field
  EXPECT_EQ(fields_of("a,,\n,"), (std::vector<Fields>{{"a", "", ""}, {"", ""}}));
  EXPECT_EQ(fields_of("\"\"\n"), (std::vector<Fields>{{""}}));
}

TEST(Csv, TakesEveryLineEndAndAByteOrderMark) {
  const std::vector<Fields> want{{"a", "b"}, {"c", "d"}};
  for (const char* text : {"a,b\nc,d", "a,b\r\nc,d\r\n", "a,b\rc,d\r",
                           "\xEF\xBB\xBF"
                           "a,b\n\n\r\nc,d\n\n"})
    EXPECT_EQ(fields_of(text), want) << text;
  EXPECT_EQ(fields_of("\xEF\xBB\xBC,b"), (std::vector<Fields>{{"\xEF\xBB\xBC", "b"}}));  // U+FEFC
  EXPECT_TRUE(fields_of("").empty());
  EXPECT_TRUE(fields_of("\n\r\n").empty());
}

TEST(Csv, CountsLinesInsideQuotesAndEmptyOnes) {
  const auto rows = parse_csv("h\n\n\"a\r\nb\rc\nd\"\nlast\r\n", "x.csv");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].line, 1);
  EXPECT_EQ(rows[1].line, 3);
  EXPECT_EQ(rows[2].line, 7);
}

TEST(Csv, NamesFileAndLineOfWhatIsWrong) {
  EXPECT_EQ(error_of("a\n\"b\nc"), "x.csv:2: want a closing quote, got the end of the file");
  EXPECT_EQ(error_of("a\nb\"c\n"),
            "x.csv:2: want quotes around the whole field, got one inside it");
  EXPECT_EQ(error_of("\"a\"b\n"), "x.csv:1: want a comma after the closing quote, got more text");
  EXPECT_EQ(error_of("a\nb,caf\xE9\n"), "x.csv:2: want UTF-8, got other bytes in field 2");
  EXPECT_EQ(error_of(std::string_view("a\nb\0c\n", 6)), "x.csv:2: want text, got a zero byte");
  EXPECT_EQ(error_of("a\n\"" + std::string(17 << 20, 'b')),
            "x.csv:2: want a record of at most 16 MiB, got more");
}

TEST(Csv, ReadsBackWhatItWrites) {
  const std::string pieces[] = {"",   "a", ",",        "\"",           "\n",
                                "\r", " ", "\xC3\xA9", "\xEF\xBB\xBF", "1.5"};
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Random random{seed};
    std::vector<Fields> want(static_cast<std::size_t>(random.integer(1, 4)));
    std::string text;
    for (Fields& fields : want) {
      fields.resize(static_cast<std::size_t>(random.integer(1, 4)));
      for (std::string& field : fields)
        for (int i = random.integer(0, 4); i > 0; --i) field += pieces[random.integer(0, 9)];
      text += csv_line(fields);
    }
    EXPECT_EQ(fields_of(text), want) << text;
  }
}

TEST(Csv, TruncationAtAnyByteIsRowsOrAnError) {
  const std::string text =
      "\xEF\xBB\xBFpath,label\r\n\"a,\"\"1\"\".jpg\",caf\xC3\xA9\r\nb.jpg,\"x\ny\"\r\n";
  for (std::size_t n = 0; n <= text.size(); ++n) try {
      parse_csv(std::string_view(text).substr(0, n), "x.csv");
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::kBadInput) << n;
    }
}

TEST(Utf8, KnowsWellFormedText) {
  for (const char* good : {"", "abc", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x8D\x8E",
                           "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xE2\x82",
        "\xC3"
        "a"})
    EXPECT_FALSE(is_utf8(bad)) << bad;
}

}  // namespace
}  // namespace shoplens
