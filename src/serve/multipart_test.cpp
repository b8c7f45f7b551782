// SPDX-License-Identifier: Apache-2.0
#include "serve/multipart.h"

#include <gtest/gtest.h>

#include "core/random.h"
#include "serve/http.h"

namespace shoplens {
namespace {

const std::string kType = "multipart/form-data; boundary=\"b 1\"";

int status_of(const std::string& type, const std::string& body,
              const MultipartLimits& limits = {}) {
  try {
    parse_multipart(type, body, limits);
    return 200;
  } catch (const HttpError& e) {
    return e.status;
  }
}

TEST(Multipart, PartsWithNamesFilesAndTypes) {
  const std::string body =
      "for nobody\r\n--b 1\r\nContent-Disposition: form-data; name=\"label\"\r\n\r\nGala\r\n"
      "--b 1  \r\ncontent-disposition: Form-Data; name=photo; filename=\"a;\\\"b\\\".jpg\"\r\n"
      "Content-Type: Image/JPEG\r\n\r\n\r\n\r\n--b 1\r\n"
      "Content-Disposition: form-data; name=\"\"\r\n\r\n\r\n--b 1--\r\nand after it";
  const auto parts = parse_multipart(kType, body);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].name, "label");
  EXPECT_EQ(parts[0].content, "Gala");
  EXPECT_EQ(parts[0].filename, "");
  EXPECT_EQ(parts[1].name, "photo");
  EXPECT_EQ(parts[1].filename, "a;\"b\".jpg");
  EXPECT_EQ(parts[1].type, "image/jpeg");
  EXPECT_EQ(parts[1].content, "\r\n");
  EXPECT_EQ(parts[2].content, "");
}

TEST(Multipart, WhatIsNotMadeSoIsRefused) {
  const std::string head = "--b 1\r\nContent-Disposition: form-data; name=x\r\n\r\n";
  EXPECT_EQ(status_of(kType, head + "1\r\n--b 1--"), 200);
  EXPECT_EQ(status_of(kType, "--b 1--"), 200);  // no parts
  for (const std::string& body :
       {std::string(), std::string("--b 1"), std::string("--b 1\r\n"), head, head + "1",
        head + "1\r\n--b 1", head + "1\r\n--b 1\r\n", std::string("--b 1\r\n\r\n1\r\n--b 1--"),
        std::string("--b 1\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b 1--"),
        std::string("--b 1\r\nContent-Disposition: attachment; name=x\r\n\r\n1\r\n--b 1--"),
        std::string("--b 1\r\nContent-Disposition: form-data; name=\"x\r\n\r\n1\r\n--b 1--"),
        std::string("--b 1\r\nContent-Disposition: form-data; name=x; name=y\r\n\r\n1\r\n--b 1--"),
        std::string("--b 1\r\nno colon\r\n\r\n1\r\n--b 1--"), std::string("--b 1 x\r\n\r\n"),
        head + "\r\n--b 1x\r\n--b 1--"})
    EXPECT_EQ(status_of(kType, body), 400) << body;
  for (const char* type :
       {"multipart/form-data", "multipart/form-data; boundary=", "text/plain; boundary=b",
        "multipart/form-data; boundary=\"b", "multipart/mixed; boundary=b"})
    EXPECT_EQ(status_of(type, "--b--"), 400) << type;
  EXPECT_EQ(status_of("multipart/form-data; boundary=" + std::string(71, 'b'), ""), 400);
}

TEST(Multipart, LimitsHold) {
  std::string body;
  for (int i = 0; i < 3; ++i)
    body += "--b 1\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n";
  EXPECT_EQ(status_of(kType, body + "--b 1--", {3, 4096}), 200);
  EXPECT_EQ(status_of(kType, body + "--b 1--", {2, 4096}), 413);
  EXPECT_EQ(status_of(kType, body + "--b 1--", {3, 20}), 413);
}

TEST(Multipart, BrokenBodiesNeverDoWorseThanBeRefused) {
  const std::string sound =
      "--b 1\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a\"\r\nContent-Type: "
      "image/png\r\n\r\n"
      "bytes\r\n--b 1\r\nContent-Disposition: form-data; name=label\r\n\r\nGala\r\n--b 1--\r\n";
  Random random{11};
  for (int i = 0; i < 20000; ++i) {
    std::string body = sound;
    for (int k = random.integer(1, 6); k > 0; --k) {
      const auto at =
          static_cast<std::size_t>(random.integer(0, static_cast<int>(body.size()) - 1));
      switch (random.integer(0, 2)) {
        case 0:
          body[at] = "\r\n-:;\"=\\b 1\0x"[random.integer(0, 12)];
          break;
        case 1:
          body.erase(at, static_cast<std::size_t>(random.integer(1, 20)));
          break;
        default:
          body.insert(at, body.substr(static_cast<std::size_t>(
                                          random.integer(0, static_cast<int>(body.size()) - 1)),
                                      12));
      }
      if (body.empty()) break;
    }
    const int status = status_of(kType, body);
    EXPECT_TRUE(status == 200 || status == 400 || status == 413);
  }
}

}  // namespace
}  // namespace shoplens
