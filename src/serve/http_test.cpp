// SPDX-License-Identifier: Apache-2.0
#include "serve/http.h"

#include <gtest/gtest.h>

namespace shoplens {
namespace {

HttpRequest parsed(const std::string& target) {
  HttpRequest request;
  request.target = target;
  parse_target(request);
  return request;
}

TEST(Http, ATargetIsTakenApart) {
  const HttpRequest request = parsed("/v1/labels/Royal%20Gala%2Fred?after=7&label=a+b%26c&x&=y&&");
  EXPECT_EQ(request.segments, (std::vector<std::string>{"v1", "labels", "Royal Gala/red"}));
  EXPECT_EQ(request.parameter("after"), "7");
  EXPECT_EQ(request.parameter("label"), "a b&c");
  EXPECT_EQ(request.query.count("x"), 1u);
  EXPECT_EQ(request.parameter("absent"), "");
  EXPECT_TRUE(parsed("/").segments.empty());
  EXPECT_EQ(parsed("/a+b").segments[0], "a+b");  // a plus is a space in the query alone
  EXPECT_EQ(parsed("/a//..").segments, (std::vector<std::string>{"a", "", ".."}));
}

TEST(Http, AnUnsoundTargetIsRefused) {
  for (const char* bad :
       {"", "*", "http://host/", "/%", "/%4", "/%4g", "/%00", "/%0a", "/%ff", "/?a=%c3", "/\x80"})
    try {
      parsed(bad);
      ADD_FAILURE() << bad;
    } catch (const HttpError& e) {
      EXPECT_EQ(e.status, 400) << bad;
    }
}

TEST(Http, AnErrorIsJsonWhateverItQuotes) {
  const HttpResponse response = error_response(400, "bad_request", "got \"\xff\"", "do so");
  EXPECT_EQ(response.body,
            "{\"error\":{\"code\":\"bad_request\",\"message\":\"got "
            "\\\"\xef\xbf\xbd\\\"\",\"hint\":\"do so\"}}");
}

}  // namespace
}  // namespace shoplens
