// SPDX-License-Identifier: Apache-2.0
#include "serve/upload.h"

#include <gtest/gtest.h>

namespace shoplens {
namespace {

HttpRequest request_of(const std::string& type, const std::string& body) {
  HttpRequest request;
  request.headers["content-type"] = type;
  request.body = body;
  return request;
}

Upload upload_of(const HttpRequest& request, std::size_t most = 4) {
  return read_upload(request, form_of(request, most), most);
}

std::string word_of(const HttpRequest& request, const std::string& name) {
  return read_word(request, form_of(request, 0), name);
}

std::string digest_of(HttpRequest request) {
  request.headers["idempotency-key"] = "one";
  return asked_of(request, form_of(request, 4)).digest;
}

int status_of(const HttpRequest& request, std::size_t most = 4) {
  try {
    upload_of(request, most);
    return 200;
  } catch (const HttpError& e) {
    return e.status;
  }
}

TEST(Upload, ABodyIsAPhoto) {
  HttpRequest request = request_of("image/jpeg", "bytes");
  request.query = {{"label", "Gala"}};
  const Upload upload = upload_of(request);
  ASSERT_EQ(upload.photos.size(), 1u);
  EXPECT_EQ(upload.photos[0].bytes, "bytes");
  EXPECT_EQ(upload.fields.at("label"), "Gala");
  EXPECT_TRUE(upload_of(request_of("", "")).photos.empty());
}

TEST(Upload, AFormHasPhotosAndFields) {
  const HttpRequest request = request_of(
      "multipart/form-data; boundary=b",
      "--b\r\nContent-Disposition: form-data; name=photo; filename=a.jpg\r\n\r\none\r\n"
      "--b\r\nContent-Disposition: form-data; name=photo\r\nContent-Type: image/png\r\n\r\ntwo\r\n"
      "--b\r\nContent-Disposition: form-data; name=label\r\n\r\nGala\r\n--b--");
  const Upload upload = upload_of(request);
  ASSERT_EQ(upload.photos.size(), 2u);
  EXPECT_EQ(upload.photos[0].name, "a.jpg");
  EXPECT_EQ(upload.photos[1].bytes, "two");
  EXPECT_EQ(upload.fields, (std::map<std::string, std::string>{{"label", "Gala"}}));
  EXPECT_EQ(status_of(request, 1), 413);
}

TEST(Upload, AFormSentAgainAsksTheSameWhateverItsBoundary) {
  const auto form = [](const std::string& boundary, const std::string& name,
                       const std::string& content, const std::string& more) {
    HttpRequest request = request_of(
        "multipart/form-data; boundary=" + boundary,
        "--" + boundary + "\r\nContent-Disposition: form-data; name=" + name + "\r\n\r\n" +
            content + "\r\n--" + boundary + "\r\nContent-Disposition: form-data; name=" + more +
            "\r\n\r\n\r\n--" + boundary + "--\r\n");
    request.method = "POST";
    request.target = "/v1/items";
    return request;
  };
  const std::string once = digest_of(form("b", "label", "Gala", "x"));
  EXPECT_EQ(digest_of(form("other", "label", "Gala", "x")), once);
  for (const HttpRequest& other :
       {form("b", "label", "Fuji", "x"), form("b", "labe", "lGala", "x"),
        form("b", "label", "Gal", "ax"), form("b", "label", "Gala", "x; filename=y")})
    EXPECT_NE(digest_of(other), once);
  HttpRequest elsewhere = form("b", "label", "Gala", "x");
  elsewhere.target = "/v1/imports";
  EXPECT_NE(digest_of(elsewhere), once);
  EXPECT_NE(digest_of(request_of("image/jpeg", "one")), digest_of(request_of("image/jpeg", "two")));
  EXPECT_THROW(digest_of(request_of("multipart/form-data; boundary=b", "nothing")), HttpError);
}

TEST(Upload, WithoutAKeyNothingIsDigested) {
  HttpRequest request = request_of("image/jpeg", "one");
  EXPECT_EQ(asked_of(request, {}).digest, "");
  request.headers["idempotency-key"] = "one";
  EXPECT_EQ(asked_of(request, {}).key, "one");
  EXPECT_EQ(asked_of(request, {}).digest.size(), 64u);
  request.headers["idempotency-key"] = "has a space";
  EXPECT_THROW(asked_of(request, {}), HttpError);
}

TEST(Upload, TheQuerysParametersAreFieldsWhateverTheBody) {
  HttpRequest request = request_of("application/json", R"({"label": "Gala"})");
  request.query = {{"top", "3"}};
  EXPECT_EQ(upload_of(request).fields,
            (std::map<std::string, std::string>{{"label", "Gala"}, {"top", "3"}}));
  request.query = {{"label", "twice"}};
  EXPECT_EQ(status_of(request), 400);
}

TEST(Upload, AWordAndNothingElse) {
  EXPECT_EQ(word_of(request_of("application/json", R"({"name": "Gala"})"), "name"), "Gala");
  EXPECT_EQ(word_of(request_of("application/json", "{}"), "name"), "");
  EXPECT_THROW(word_of(request_of("application/json", R"({"name": "a", "b": "c"})"), "name"),
               HttpError);
  EXPECT_THROW(word_of(request_of("image/png", "photo"), "name"), HttpError);
}

TEST(Upload, JsonHasPhotosInBase64) {
  const Upload upload = upload_of(
      request_of("application/json; charset=utf-8",
                 R"({"label": "Gala", "photos": ["Zm9v", {"name": "b.png", "base64": "YmFy"}]})"));
  ASSERT_EQ(upload.photos.size(), 2u);
  EXPECT_EQ(upload.photos[0].bytes, "foo");
  EXPECT_EQ(upload.photos[1].bytes, "bar");
  EXPECT_EQ(upload.photos[1].name, "b.png");
  EXPECT_EQ(upload.fields.at("label"), "Gala");
}

TEST(Upload, ALongNameIsRefusedHoweverItIsSent) {
  const auto form = [](std::size_t length) {
    return request_of("multipart/form-data; boundary=b",
                      "--b\r\nContent-Disposition: form-data; name=photo; filename=" +
                          std::string(length, 'a') + "\r\n\r\none\r\n--b--");
  };
  const auto json = [](std::size_t length) {
    return request_of("application/json", R"({"photos": [{"base64": "AAAA", "name": ")" +
                                              std::string(length, 'a') + "\"}]}");
  };
  for (const auto& request : {form(1024), json(1024)})
    EXPECT_EQ(upload_of(request).photos[0].name.size(), 1024u);
  for (const auto& request : {form(1025), json(1025)}) EXPECT_EQ(status_of(request), 400);
}

TEST(Upload, JsonThatIsOtherwiseIsRefused) {
  for (const char* body :
       {"", "{", "[]", "3", "{\"photos\": 3}", "{\"photos\": [3]}", "{\"photos\": [\"Zm9\"]}",
        "{\"photos\": [{\"base64\": 3}]}", "{\"label\": 3}", "{\"label\": \"a\\u0000\"}", "{} {}",
        "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", "{\"label\": \"\xff\"}"})
    EXPECT_EQ(status_of(request_of("application/json", body)), 400) << body;
  EXPECT_EQ(status_of(request_of("application/json", R"({"photos": ["", "", "", "", ""]})")), 413);
  // A million small things, which would take their square of steps to read, are not read.
  std::string many = "{\"photos\":[{}";
  for (int i = 0; i < 1'000'000; ++i) many += ",{}";
  EXPECT_EQ(status_of(request_of("application/json", many + "]}")), 413);
  // What is in a word is neither a level nor a value, whatever it has of quotes and backslashes.
  const std::string odd = R"([[[[[[[[[[,,\"[,{\\\"]\\)" + std::string(200, ',');
  const Upload word = upload_of(
      request_of("application/json", "{\"label\": \"" + odd + "\", \"photos\": [\"AAAA\"]}"));
  EXPECT_EQ(word.fields.at("label"), R"([[[[[[[[[[,,"[,{\"]\)" + std::string(200, ','));
  EXPECT_EQ(word.photos.size(), 1u);
  std::string deep(100'000, '[');
  EXPECT_EQ(status_of(request_of("application/json", deep)), 400);
  const std::string lng(5000, 'a');
  EXPECT_EQ(status_of(request_of("application/json", "{\"label\": \"" + lng + "\"}")), 400);
}

}  // namespace
}  // namespace shoplens
