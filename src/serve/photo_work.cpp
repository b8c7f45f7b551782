// SPDX-License-Identifier: Apache-2.0
#include "serve/photo_work.h"

#include <filesystem>

#include "core/hash.h"
#include "image/encode.h"
#include "image/format.h"
#include "image/resize.h"
#include "serve/text.h"

namespace shoplens {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxLabel = 200;  // characters

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

const char* type_of(ImageFormat format) {
  switch (format) {
    case ImageFormat::kJpeg:
      return "image/jpeg";
    case ImageFormat::kPng:
      return "image/png";
    case ImageFormat::kWebp:
      return "image/webp";
    case ImageFormat::kOther:
      break;
  }
  return nullptr;
}

}  // namespace

EmbeddedPhotos embed_upload(Batcher& batcher, std::span<const Upload::Photo> photos,
                            PhotoDecoder& decoder, Clock::time_point deadline) {
  Batcher::Coming coming(batcher);
  const Pipeline& pipeline = batcher.pipeline();
  EmbeddedPhotos result;
  std::vector<float> prepared;
  for (std::size_t i = 0; i < photos.size(); ++i) {
    try {
      const auto begin = Clock::now();
      decoder.with_photo(photos[i].bytes, deadline, [&](SourceImage& photo) {
        prepared.resize((result.sound.size() + 1) * pipeline.floats_per_photo());
        pipeline.prepare(photo,
                         prepared.data() + result.sound.size() * pipeline.floats_per_photo());
        const double decode_ms = 1000 * photo.decode_seconds();
        result.decode_ms += decode_ms;
        result.resize_ms += milliseconds_since(begin) - decode_ms;
      });
      result.sound.push_back(i);
    } catch (const Error& e) {
      result.errors.emplace_back(i, photo_error(e));
    }
    check_deadline(deadline);
  }
  coming.arrived();
  prepared.resize(result.sound.size() * pipeline.floats_per_photo());
  if (!result.sound.empty()) result.embedded = batcher.embed(std::move(prepared), deadline);
  return result;
}

namespace {

// An item, and the file that it was made from.
typedef std::pair<GalleryItem, std::filesystem::path> SourcedItem;

std::optional<SourcedItem> sourced_item(const Catalogue& catalogue, std::int64_t id) {
  return catalogue.read([&](const Gallery& gallery) -> std::optional<SourcedItem> {
    auto item = gallery.item(id);
    if (!item) return std::nullopt;
    auto file = gallery.source_of(*item);
    return SourcedItem{*std::move(item), std::move(file)};
  });
}

bool is_of_file(const SourcedItem& item, std::string_view bytes) {
  try {
    return read_source(item.second, item.first, bytes.size()) == bytes;
  } catch (const Error&) {
    return false;  // larger, or there is none
  }
}

}  // namespace

// Of equal bytes the vectors are equal, so it is among the nearest.
void find_copies(const Catalogue& catalogue, const Serving& serving, const Embedded& embedded,
                 std::span<NewPhoto> photos) {
  if (!serving.recognizer || photos.empty()) return;
  const auto answers =
      serving.recognizer->answer(embedded.embeddings, embedded.class_probabilities);
  for (std::size_t i = 0; i < photos.size(); ++i)
    for (const Neighbour& near : answers[i].neighbours) {
      const auto item = sourced_item(catalogue, near.id);
      if (!item || !is_of_file(*item, photos[i].bytes)) continue;
      photos[i].path = item->first.path;
      break;
    }
}

AddCounts add_photos(Gallery& gallery, const std::string& fingerprint,
                     std::span<const NewPhoto> photos, std::span<const float> vectors) {
  std::vector<GalleryItem> items;
  for (const NewPhoto& photo : photos) {
    const bool is_copy = !photo.path.empty() && !gallery.existing({photo.path}).empty();
    const std::string path =
        is_copy ? photo.path : "sha256/" + sha256_hex(photo.bytes).substr(0, 32);
    items.push_back({0, photo.label, path, path, photo.columns});
  }
  AddCounts counts;
  try {
    counts = gallery.add(fingerprint, items, vectors, OnExisting::kRelabel);
  } catch (const Error& e) {
    if (e.code != ErrorCode::kBadInput) throw;
    throw HttpError(409, "model_changed",
                    "items: want embeddings of the gallery's model, it was changed "
                    "while the photo was read",
                    "send the request again");
  }
  for (std::size_t i = 0; i < photos.size(); ++i)
    if (items[i].path != photos[i].path && !gallery.photo(counts.ids[i]))
      gallery.keep_photo(counts.ids[i], photos[i].bytes);
  return counts;
}

std::string photo_of_item(const Catalogue& catalogue, std::int64_t id, const DecodeLimits& limits) {
  if (auto kept = catalogue.read([&](const Gallery& gallery) { return gallery.photo(id); }))
    return *std::move(kept);
  const auto item = sourced_item(catalogue, id);
  if (!item) absent("item");
  try {
    return read_source(item->second, item->first, limits.max_bytes);
  } catch (const Error& e) {  // its message names a path of the server
    if (e.code != ErrorCode::kNotFound) throw;
    throw HttpError(404, "photo_gone",
                    "photo: want the file that the item was made from, it is gone",
                    "add the photo again");
  }
}

std::string shown_path(const std::string& path) {
  const auto normal = std::filesystem::path(path).lexically_normal();
  const bool inside = normal.is_relative() && (normal.empty() || *normal.begin() != "..");
  return inside ? path : normal.filename().string();
}

HttpError photo_error(const Error& e) {
  const int status = e.code == ErrorCode::kUnsupported ? 415
                     : e.code == ErrorCode::kCorrupt   ? 422
                                                       : 400;
  return {status, error_code_name(e.code), e.what(),
          e.hint.empty() ? "send another photo, as JPEG, PNG or WebP" : e.hint};
}

void check_label(const std::string& label, const std::string& where) {
  if (label.empty() || characters_of(label) > kMaxLabel || trimmed(label).size() != label.size() ||
      !is_plain_utf8(label))
    throw HttpError(400, "bad_request",
                    join(where, ": want 1 to ", kMaxLabel,
                         " characters of UTF-8 without spaces around it or control characters"),
                    "send the product's name as the label");
}

void absent(const char* what) {
  throw HttpError(404, "not_found", join(what, ": want one that is there, found none"),
                  "GET the list to see what there is");
}

HttpResponse photo_response(std::string bytes, const std::string& side, PhotoDecoder& decoder,
                            Clock::time_point deadline) {
  const std::int64_t pixels = whole_number("side", side, 16, 1024, 0);
  HttpResponse response;
  const char* const type = type_of(image_format(bytes));
  if (!type)
    throw HttpError(404, "not_found", "photo: want an image in the catalogue, found something else",
                    "add the photo again");
  if (pixels == 0) {
    response.type = type;
    response.body = std::move(bytes);
    return response;
  }
  response.type = "image/jpeg";
  try {
    decoder.with_photo(bytes, deadline, [&](SourceImage& photo) {
      const Image& image = photo.decoded(
          {.size = static_cast<int>(pixels), .fit = Fit::kLetterbox, .decode = Decode::kDraft});
      const double shrink =
          std::min(1.0, static_cast<double>(pixels) / std::max(image.width, image.height));
      const int width = std::max(1, static_cast<int>(image.width * shrink + 0.5)),
                height = std::max(1, static_cast<int>(image.height * shrink + 0.5));
      response.body = encode_jpeg(resize(image, width, height, Interpolation::kBilinear), 85);
    });
  } catch (const Error& e) {  // larger than this server decodes, or damaged since it was added
    throw HttpError(422, error_code_name(e.code), e.what(),
                    "ask for it without side, or add the photo again");
  }
  return response;
}

std::int64_t whole_number(const std::string& name, const std::string& text, std::int64_t least,
                          std::int64_t most, std::int64_t absent) {
  if (text.empty()) return absent;
  const auto value = number_of(text);
  if (!value || *value < least || *value > most)
    throw HttpError(400, "bad_request",
                    join(name, ": want a whole number from ", least, " to ", most),
                    "see /openapi.json");
  return *value;
}

}  // namespace shoplens
