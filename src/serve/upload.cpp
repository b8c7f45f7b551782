// SPDX-License-Identifier: Apache-2.0
#include "serve/upload.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/hash.h"
#include "serve/text.h"

namespace shoplens {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxField = 4096;      // bytes of a word beside the photos
constexpr std::size_t kMaxName = 200;        // characters of what such a word is called
constexpr std::size_t kMaxPhotoName = 1024;  // characters
constexpr int kMaxDepth = 8;                 // of JSON

[[noreturn]] void bad(const std::string& message, const std::string& hint) {
  throw HttpError(400, "bad_request", message, hint);
}

void check_count(std::size_t photos, std::size_t most) {
  if (photos > most)
    throw HttpError(413, "too_many_photos",
                    join("upload: want at most ", most, " photos in a request, got ", photos),
                    "send several requests");
}

void add_field(Upload& upload, const std::string& name, std::string value) {
  if (name.empty() || characters_of(name) > kMaxName || !is_plain_utf8(name))
    bad(join("upload: want names of fields as 1 to ", kMaxName,
             " characters of UTF-8 without control characters"),
        "shorten it, or send it as UTF-8");
  if (value.size() > kMaxField || !is_plain_utf8(value))
    bad(join("upload: want ", name, " as at most ", kMaxField,
             " bytes of UTF-8 without control characters"),
        "shorten it, or send it as UTF-8");
  if (!upload.fields.emplace(name, std::move(value)).second)
    bad(join("upload: want ", name, " once, got it twice"), "send it once");
}

// The name is kept with the answer, and many photos are small.
void add_photo(Upload& upload, std::string name, std::string_view bytes) {
  if (const std::size_t got = characters_of(name); got > kMaxPhotoName)
    bad(join("upload: want a photo's name of at most ", kMaxPhotoName, " characters, got ", got),
        "shorten it, or leave it out");
  upload.photos.push_back({std::move(name), bytes});
}

// "multipart/form-data", without its boundary.
std::string type_of(const HttpRequest& request) {
  const std::string& type = request.header("content-type");
  return lower_case(trimmed(std::string_view(type).substr(0, type.find(';'))));
}

bool is_form(const HttpRequest& request) { return type_of(request) == "multipart/form-data"; }

void read_form(const std::vector<FormPart>& form, Upload& upload) {
  for (const FormPart& part : form) {
    if (part.filename.empty() && !part.type.starts_with("image/"))
      add_field(upload, part.name, std::string(part.content));
    else
      add_photo(upload, part.filename, part.content);
  }
}

// Before anything is made of it: sound JSON of few levels and values. (A callback of the parser
// could tell the levels, but with one it looks through a list again after each object in it.)
void check_size(std::string_view json, std::size_t max_values) {
  int depth = 0;
  std::size_t values = 1;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') {  // to its end: a quote with an even number of backslashes before it
      std::size_t slashes;
      do {
        i = json.find('"', i + 1);
        if (i == std::string_view::npos) return;  // the parser will say so
        slashes = i - 1 - json.find_last_not_of('\\', i - 1);
      } while (slashes % 2 == 1);
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) bad("upload: want JSON of few levels", "see /openapi.json");
    } else if (c == '}' || c == ']') {
      --depth;
    } else if (c == ',' && ++values > max_values) {
      throw HttpError(413, "too_large",
                      join("upload: want JSON of at most ", max_values, " values"),
                      "send several requests");
    }
  }
}

Json parse_json(const std::string& body, std::size_t max_photos) {
  check_size(body, 4 * max_photos + 64);
  try {
    return Json::parse(body);
  } catch (const Json::exception&) {
    bad("upload: want JSON, got something else", "check the body, or its Content-Type");
  }
}

void read_json(const HttpRequest& request, std::size_t max_photos, Upload& upload) {
  const Json body = parse_json(request.body, max_photos);
  if (!body.is_object()) bad("upload: want a JSON object", "see /openapi.json");
  for (const auto& [key, value] : body.items()) {
    if (key == "photos") continue;
    if (!value.is_string())
      bad(join("upload: want ", key, " as a string, got ", value.type_name()), "see /openapi.json");
    add_field(upload, key, value.get<std::string>());
  }
  const auto photos = body.find("photos");
  if (photos == body.end()) return;
  if (!photos->is_array()) bad("upload: want photos as a list", "see /openapi.json");
  check_count(photos->size(), max_photos);
  upload.decoded.reserve(photos->size());  // photos refer to its strings
  for (const Json& photo : *photos) {
    const bool named = photo.is_object() && photo.contains("base64") &&
                       photo["base64"].is_string() &&
                       (!photo.contains("name") || photo["name"].is_string());
    if (!named && !photo.is_string())
      bad("upload: want each photo as base64, or as {\"name\", \"base64\"}", "see /openapi.json");
    const auto bytes =
        base64_decoded((named ? photo["base64"] : photo).get_ref<const std::string&>());
    if (!bytes) bad("upload: want sound base64 with padding", "RFC 4648, section 4");
    upload.decoded.push_back(*bytes);
    add_photo(upload, named ? photo.value("name", "") : "", upload.decoded.back());
  }
}

}  // namespace

std::vector<FormPart> form_of(const HttpRequest& request, std::size_t max_photos) {
  if (!is_form(request)) return {};
  return parse_multipart(request.header("content-type"), request.body,
                         {max_photos + kMostColumns + 1});
}

std::string read_word(const HttpRequest& request, const std::vector<FormPart>& form,
                      const std::string& name) {
  Upload upload = read_upload(request, form, 0);
  for (const auto& [field, value] : upload.fields)
    if (field != name)
      bad(join("request: want ", name, " and nothing else, got another field"),
          "see /openapi.json");
  return std::move(upload.fields[name]);
}

const std::string& key_of(const HttpRequest& request) {
  const std::string& key = request.header("idempotency-key");
  const auto is_visible = [](char c) { return c > ' ' && c < '\x7f'; };
  if (key.size() > 200 || !std::all_of(key.begin(), key.end(), is_visible))
    throw HttpError(400, "bad_request",
                    "Idempotency-Key: want at most 200 visible characters of ASCII",
                    "a UUID does well");
  return key;
}

Asked asked_of(const HttpRequest& request, const std::vector<FormPart>& form) {
  const std::string& key = key_of(request);
  if (key.empty()) return {};
  Sha256 hash;
  hash.update(join(request.method, ' ', request.target));
  if (!is_form(request)) {
    hash.update(std::string_view("\n"));
    hash.update(request.body);
    return {key, hash.hex()};
  }
  hash.update(std::string_view(" form\n"));  // a target has no space in it
  for (const FormPart& part : form)
    for (const std::string_view text :
         {std::string_view(part.name), std::string_view(part.filename), std::string_view(part.type),
          part.content}) {
      hash.update(join(text.size(), ':'));  // so that no other parts read the same
      hash.update(text);
    }
  return {key, hash.hex()};
}

Upload read_upload(const HttpRequest& request, const std::vector<FormPart>& form,
                   std::size_t max_photos) {
  Upload upload;
  for (const auto& [name, value] : request.query) add_field(upload, name, value);
  if (is_form(request)) {
    read_form(form, upload);
  } else if (type_of(request) == "application/json") {
    read_json(request, max_photos, upload);
  } else {
    if (!request.body.empty()) add_photo(upload, "", request.body);
  }
  check_count(upload.photos.size(), max_photos);
  return upload;
}

}  // namespace shoplens
