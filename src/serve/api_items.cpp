// SPDX-License-Identifier: Apache-2.0
// The catalogue through the API: items, labels, and unknown photos that become items.
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/hash.h"
#include "serve/api.h"
#include "serve/photo_work.h"
#include "serve/text.h"

namespace shoplens {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxLabel = 200;  // bytes

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

HttpResponse ok(const Json& json, int status = 200) {
  return {status, "application/json", dumped(json)};
}

[[noreturn]] void absent(const char* what) {
  throw HttpError(404, "not_found", join(what, ": want one that is there, found none"),
                  "GET the list to see what there is");
}

std::int64_t id_in(const std::string& text) { return whole_number("id", text, 1, INT64_MAX, 0); }

void check_label(const std::string& label) {
  if (label.empty() || label.size() > kMaxLabel || trimmed(label).size() != label.size() ||
      !is_plain_utf8(label))
    throw HttpError(400, "bad_request",
                    join("label: want 1 to ", kMaxLabel,
                         " bytes of UTF-8 without spaces around it or control characters"),
                    "send the product's name as the field label");
}

Json item_json(const GalleryItem& item) {
  Json columns = Json::object();
  for (const auto& [name, value] : item.columns) columns[name] = value;
  const std::string photo = join("/v1/items/", item.id, "/photo");
  return {{"id", item.id},     {"label", item.label},
          {"path", item.path}, {"columns", std::move(columns)},
          {"photo", photo},    {"thumbnail", photo + "?side=160"}};
}

// A photo that was sent is told by its content: sent twice it is there once.
std::string path_of(std::string_view bytes) { return "sha256/" + sha256_hex(bytes).substr(0, 32); }

// The photo of an item: kept in the gallery, or the file it was made from.
std::string photo_bytes(const Gallery& gallery, std::int64_t id, std::uint64_t max_bytes) {
  if (auto bytes = gallery.photo(id)) return *std::move(bytes);
  const auto item = gallery.item(id);
  if (!item) absent("item");
  const auto folder = std::filesystem::absolute(gallery.path()).parent_path();
  try {
    return read_file(folder / item->source, max_bytes);
  } catch (const Error&) {  // its message would name a path of the server
    throw HttpError(404, "photo_gone",
                    "photo: want the file that the item was made from, it is gone",
                    "add the photo again");
  }
}

// Adds embedded photos as items of a label; those that are there stay as they are.
std::string add_photos(Gallery& gallery, const std::string& fingerprint, const std::string& label,
                       const std::vector<std::pair<std::string, std::string>>& columns,
                       const std::vector<std::string_view>& photos,
                       std::span<const float> vectors) {
  std::vector<GalleryItem> items;
  for (const std::string_view bytes : photos)
    items.push_back({0, label, path_of(bytes), path_of(bytes), columns});
  AddCounts counts;
  try {
    counts = gallery.add(fingerprint, items, vectors, OnExisting::kSkip);
  } catch (const Error& e) {
    if (e.code != ErrorCode::kBadInput) throw;
    throw HttpError(409, "model_changed",
                    "items: want embeddings of the gallery's model, it was changed "
                    "while the photo was read",
                    "send the request again");
  }
  Json list = Json::array();
  for (std::size_t i = 0; i < photos.size(); ++i) {
    if (!gallery.photo(counts.ids[i])) gallery.keep_photo(counts.ids[i], photos[i]);
    list.push_back(item_json(*gallery.item(counts.ids[i])));
  }
  return dumped(
      {{"added", counts.added}, {"existing", counts.skipped}, {"items", std::move(list)}});
}

}  // namespace

HttpResponse Api::changed(const R& request, int status,
                          const std::function<std::string(Gallery&)>& change) {
  const std::string& key = request.header("idempotency-key");
  if (key.size() > 200)
    throw HttpError(400, "bad_request", "Idempotency-Key: want at most 200 bytes",
                    "a UUID does well");
  const std::string digest =
      sha256_hex(join(request.method, ' ', request.target, '\n', request.body));
  return {status, "application/json", catalogue_.change(key, digest, change)};
}

HttpResponse Api::list_items(const R& request, const A&) {
  const std::int64_t limit = whole_number("limit", request.parameter("limit"), 1, 1000, 100),
                     after = whole_number("after", request.parameter("after"), 0, INT64_MAX, 0);
  const auto items = catalogue_.read([&](const Gallery& gallery) {
    return gallery.items_after(after, limit, request.parameter("label"));
  });
  Json list = Json::array();
  for (const GalleryItem& item : items) list.push_back(item_json(item));
  const bool more = static_cast<std::int64_t>(items.size()) == limit;
  return ok({{"items", std::move(list)}, {"next_after", more ? Json(items.back().id) : Json()}});
}

HttpResponse Api::get_item(const R&, const A& id) {
  const auto item =
      catalogue_.read([&](const Gallery& gallery) { return gallery.item(id_in(id[0])); });
  if (!item) absent("item");
  return ok(item_json(*item));
}

HttpResponse Api::add_items(const R& request, const A&) {
  const Upload upload = read_upload(request, options_.max_photos);
  const auto label = upload.fields.find("label");
  check_label(label == upload.fields.end() ? "" : label->second);
  if (upload.photos.empty())
    throw HttpError(400, "bad_request", "items: want at least one photo, got none",
                    "send photos as multipart/form-data beside label");
  std::vector<std::pair<std::string, std::string>> columns;
  for (const auto& [name, value] : upload.fields)
    if (name != "label" && !value.empty()) columns.emplace_back(name, value);
  const auto serving = catalogue_.now();
  EmbeddedPhotos photos = embed_upload(*serving->batcher, upload.photos, options_.decode,
                                       std::chrono::steady_clock::time_point::max());
  if (!photos.errors.empty()) {  // all or nothing: a change that is half done is hard to repeat
    const auto& [place, error] = photos.errors[0];
    throw HttpError(error.status, error.code,
                    join("photo ", place + 1, " of ", upload.photos.size(), ": ", error.what()),
                    error.hint);
  }
  std::vector<std::string_view> bytes;
  for (const Upload::Photo& photo : upload.photos) bytes.push_back(photo.bytes);
  return changed(request, 201, [&](Gallery& gallery) {
    return add_photos(gallery, serving->model.fingerprint, label->second, columns, bytes,
                      photos.embedded.embeddings);
  });
}

HttpResponse Api::delete_item(const R& request, const A& id) {
  return changed(request, 200, [&](Gallery& gallery) {
    if (gallery.remove_ids({id_in(id[0])}) == 0) absent("item");
    return dumped({{"removed", 1}});
  });
}

HttpResponse Api::item_photo(const R& request, const A& id) {
  const std::string bytes = catalogue_.read([&](const Gallery& gallery) {
    return photo_bytes(gallery, id_in(id[0]), options_.decode.max_bytes);
  });
  return photo_response(bytes, request.parameter("side"), options_.decode);
}

HttpResponse Api::list_labels(const R&, const A&) {
  const auto counts =
      catalogue_.read([](const Gallery& gallery) { return gallery.label_summary(); });
  Json list = Json::array();
  for (const LabelSummary& label : counts)
    list.push_back({{"label", label.name},
                    {"photos", label.photos},
                    {"thumbnail", join("/v1/items/", label.first_item, "/photo?side=160")}});
  return ok({{"labels", std::move(list)}});
}

HttpResponse Api::rename_label(const R& request, const A& label) {
  const Upload upload = read_upload(request, 0);
  const auto name = upload.fields.find("name");
  check_label(name == upload.fields.end() ? "" : name->second);
  return changed(request, 200, [&](Gallery& gallery) {
    const bool merged = gallery.label_counts().contains(name->second);
    const std::int64_t photos = gallery.rename_label(label[0], name->second);
    if (photos == 0) absent("label");
    return dumped({{"label", name->second}, {"photos", photos}, {"merged", merged}});
  });
}

HttpResponse Api::delete_label(const R& request, const A& label) {
  return changed(request, 200, [&](Gallery& gallery) {
    const std::int64_t photos = gallery.remove_labels({label[0]});
    if (photos == 0) absent("label");
    return dumped({{"removed", photos}});
  });
}

HttpResponse Api::list_unknowns(const R&, const A&) {
  const auto photos =
      catalogue_.read([](const Gallery& gallery) { return gallery.unknown_photos(); });
  Json list = Json::array();
  for (const UnknownPhoto& photo : photos) {
    const std::string path = join("/v1/unknowns/", photo.id, "/photo");
    list.push_back({{"id", photo.id},
                    {"time", photo.time},
                    {"answer", Json::parse(photo.answer, nullptr, /*allow_exceptions=*/false)},
                    {"photo", path},
                    {"thumbnail", path + "?side=160"}});
  }
  return ok({{"unknowns", std::move(list)}});
}

HttpResponse Api::unknown_photo(const R& request, const A& id) {
  const auto bytes =
      catalogue_.read([&](const Gallery& gallery) { return gallery.unknown_bytes(id_in(id[0])); });
  if (!bytes) absent("unknown photo");
  return photo_response(*bytes, request.parameter("side"), options_.decode);
}

HttpResponse Api::name_unknown(const R& request, const A& id) {
  const Upload upload = read_upload(request, 0);
  const auto label = upload.fields.find("label");
  check_label(label == upload.fields.end() ? "" : label->second);
  const auto bytes =
      catalogue_.read([&](const Gallery& gallery) { return gallery.unknown_bytes(id_in(id[0])); });
  if (!bytes) absent("unknown photo");
  const auto serving = catalogue_.now();
  const Upload::Photo photo{"", *bytes};
  const EmbeddedPhotos photos = embed_upload(*serving->batcher, {&photo, 1}, options_.decode,
                                             std::chrono::steady_clock::time_point::max());
  if (!photos.errors.empty()) throw photos.errors[0].second;
  return changed(request, 201, [&](Gallery& gallery) {
    gallery.remove_unknown(id_in(id[0]));
    return add_photos(gallery, serving->model.fingerprint, label->second, {}, {*bytes},
                      photos.embedded.embeddings);
  });
}

HttpResponse Api::delete_unknown(const R& request, const A& id) {
  return changed(request, 200, [&](Gallery& gallery) {
    if (!gallery.remove_unknown(id_in(id[0]))) absent("unknown photo");
    return dumped({{"removed", 1}});
  });
}

}  // namespace shoplens
