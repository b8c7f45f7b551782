// SPDX-License-Identifier: Apache-2.0
// The catalogue through the API: items, labels, and unknown photos that become items.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "recognize/calibration.h"
#include "serve/api.h"
#include "serve/photo_work.h"
#include "serve/text.h"

namespace shoplens {
namespace {

using Json = nlohmann::ordered_json;

HttpResponse ok(const Json& json, int status = 200) {
  return {status, "application/json", dumped(json)};
}

std::int64_t id_in(const std::string& text) { return whole_number("id", text, 1, INT64_MAX, 0); }

Json item_json(const GalleryItem& item) {
  Json columns = Json::object();
  for (const auto& [name, value] : item.columns) columns[name] = value;
  const std::string photo = join("/v1/items/", item.id, "/photo");
  return {{"id", item.id},
          {"label", item.label},
          {"path", shown_path(item.path)},
          {"columns", std::move(columns)},
          {"photo", photo},
          {"thumbnail", photo + "?side=160"}};
}

Json label_json(const LabelSummary& label) {
  return {{"label", label.name},
          {"photos", label.photos},
          {"thumbnail", join("/v1/items/", label.first_item, "/photo?side=160")}};
}

Json unknown_json(const UnknownPhoto& photo) {
  const std::string path = join("/v1/unknowns/", photo.id, "/photo");
  return {{"id", photo.id},
          {"time", photo.time},
          {"answer", Json::parse(photo.answer, nullptr, /*allow_exceptions=*/false)},
          {"photo", path},
          {"thumbnail", path + "?side=160"}};
}

// The page that a request asks for: of rows with an id, rows_after(after, limit) reads at most so
// many.
template <class RowsAfter, class ToJson>
HttpResponse page(const HttpRequest& request, const char* name, const RowsAfter& rows_after,
                  const ToJson& to_json) {
  const std::int64_t limit = whole_number("limit", request.parameter("limit"), 1, 1000, 100),
                     after = whole_number("after", request.parameter("after"), 0, INT64_MAX, 0);
  const auto rows = rows_after(after, limit);
  Json list = Json::array();
  for (const auto& row : rows) list.push_back(to_json(row));
  const bool more = static_cast<std::int64_t>(rows.size()) == limit;
  return ok({{name, std::move(list)}, {"next_after", more ? Json(rows.back().id) : Json()}});
}

// Each item of a page has all of its columns, and a page up to 1,000 items.
void check_columns(const std::vector<std::pair<std::string, std::string>>& columns) {
  constexpr std::size_t kMostBytes = 16u << 10;
  std::size_t bytes = 0;
  for (const auto& [name, value] : columns) bytes += name.size() + value.size();
  if (columns.size() > kMostColumns || bytes > kMostBytes)
    throw HttpError(400, "bad_request",
                    join("items: want at most ", kMostColumns, " columns, of ", kMostBytes,
                         " bytes with their names, got ", columns.size(), " of ", bytes),
                    "leave some out, or shorten them");
}

// Adds photos of one product, and says what there is of them now.
std::string added_json(Gallery& gallery, const std::string& fingerprint,
                       std::span<const NewPhoto> photos, std::span<const float> vectors) {
  const AddCounts counts = add_photos(gallery, fingerprint, photos, vectors);
  Json list = Json::array();
  for (const std::int64_t id : counts.ids) list.push_back(item_json(*gallery.item(id)));
  return dumped({{"added", counts.added},
                 {"existing", counts.skipped},
                 {"relabelled", counts.relabelled},
                 {"items", std::move(list)}});
}

}  // namespace

std::optional<HttpResponse> Api::answered(const Asked& asked, int status) {
  if (asked.key.empty()) return std::nullopt;
  const auto answer = catalogue_.answered(asked.key, asked.digest);
  if (!answer) return std::nullopt;
  return HttpResponse{status, "application/json", *answer};
}

HttpResponse Api::changed(const R& request, const Asked& asked, int status,
                          const std::function<std::string(Gallery&)>& change) {
  return {status, "application/json",
          catalogue_.change(asked.key, asked.digest, change, deadline_of(request))};
}

HttpResponse Api::list_items(const R& request, const A&) {
  const auto items_after = [&](std::int64_t after, std::int64_t limit) {
    return catalogue_.read([&](const Gallery& gallery) {
      return gallery.items_after(after, limit, request.parameter("label"));
    });
  };
  return page(request, "items", items_after, item_json);
}

HttpResponse Api::get_item(const R&, const A& id) {
  const auto item =
      catalogue_.read([&](const Gallery& gallery) { return gallery.item(id_in(id[0])); });
  if (!item) absent("item");
  return ok(item_json(*item));
}

HttpResponse Api::add_items(const R& request, const A&) {
  const auto form = form_of(request, options_.max_photos);
  const Asked asked = asked_of(request, form);
  if (auto before = answered(asked, 201)) return *std::move(before);
  const Upload upload = read_upload(request, form, options_.max_photos);
  const auto label = upload.fields.find("label");
  check_label(label == upload.fields.end() ? "" : label->second);
  if (upload.photos.empty())
    throw HttpError(400, "bad_request", "items: want at least one photo, got none",
                    "send photos as multipart/form-data beside label");
  std::vector<std::pair<std::string, std::string>> columns;
  for (const auto& [name, value] : upload.fields)
    if (name != "label" && !value.empty()) columns.emplace_back(name, value);
  check_columns(columns);
  const auto serving = catalogue_.now();
  const Deadline deadline = deadline_of(request);
  const EmbeddedPhotos photos = embed_upload(*serving->batcher, upload.photos, decoder_, deadline);
  if (!photos.errors.empty()) {  // all or nothing: a change that is half done is hard to repeat
    const auto& [place, error] = photos.errors[0];
    throw HttpError(error.status, error.code,
                    join("photo ", place + 1, " of ", upload.photos.size(), ": ", error.what()),
                    error.hint);
  }
  std::vector<NewPhoto> added;
  for (const Upload::Photo& photo : upload.photos)
    added.push_back({label->second, photo.bytes, columns});
  find_copies(catalogue_, *serving, photos.embedded, added);
  return changed(request, asked, 201, [&](Gallery& gallery) {
    return added_json(gallery, serving->model.fingerprint, added, photos.embedded.embeddings);
  });
}

HttpResponse Api::delete_item(const R& request, const A& id) {
  // A removal is asked by its path; a form beside it says nothing.
  return changed(request, asked_of(request, {}), 200, [&](Gallery& gallery) {
    if (gallery.remove_ids({id_in(id[0])}) == 0) absent("item");
    return dumped({{"removed", 1}});
  });
}

HttpResponse Api::item_photo(const R& request, const A& id) {
  HttpResponse response = photo_response(photo_of_item(catalogue_, id_in(id[0]), decoder_.limits()),
                                         request.parameter("side"), decoder_, deadline_of(request));
  // Kept for whoever asks with the same token. Photos of customers are not kept at all.
  response.headers.emplace_back("Cache-Control", "private, max-age=86400, immutable");
  response.headers.emplace_back("Vary", "Authorization");
  return response;
}

HttpResponse Api::list_labels(const R& request, const A&) {
  const auto labels_after = [&](std::int64_t after, std::int64_t limit) {
    return catalogue_.read(
        [&](const Gallery& gallery) { return gallery.labels_after(after, limit); });
  };
  return page(request, "labels", labels_after, label_json);
}

HttpResponse Api::rename_label(const R& request, const A& label) {
  const auto form = form_of(request, 0);
  const std::string name = read_word(request, form, "name");
  check_label(name, "name");
  return changed(request, asked_of(request, form), 200, [&](Gallery& gallery) {
    const bool merged = name != label[0] && gallery.has_label(name);
    const std::int64_t photos = gallery.rename_label(label[0], name);
    if (photos == 0) absent("label");
    rename_threshold(gallery, label[0], name, merged);
    return dumped({{"label", name}, {"photos", photos}, {"merged", merged}});
  });
}

HttpResponse Api::delete_label(const R& request, const A& label) {
  return changed(request, asked_of(request, {}), 200, [&](Gallery& gallery) {
    const std::int64_t photos = gallery.remove_labels({label[0]});
    if (photos == 0) absent("label");
    return dumped({{"removed", photos}});
  });
}

HttpResponse Api::list_unknowns(const R& request, const A&) {
  // The latest first, so that a page ends with its lowest id.
  const auto unknowns_after = [&](std::int64_t after, std::int64_t limit) {
    return catalogue_.read([&](const Gallery& gallery) {
      return gallery.unknowns_before(after == 0 ? INT64_MAX : after, limit);
    });
  };
  return page(request, "unknowns", unknowns_after, unknown_json);
}

HttpResponse Api::unknown_photo(const R& request, const A& id) {
  auto bytes =
      catalogue_.read([&](const Gallery& gallery) { return gallery.unknown_bytes(id_in(id[0])); });
  if (!bytes) absent("unknown photo");
  return photo_response(*std::move(bytes), request.parameter("side"), decoder_,
                        deadline_of(request));
}

HttpResponse Api::name_unknown(const R& request, const A& id) {
  const auto form = form_of(request, 0);
  const Asked asked = asked_of(request, form);
  if (auto before = answered(asked, 201)) return *std::move(before);  // it is gone by now
  const std::string label = read_word(request, form, "label");
  check_label(label);
  const auto bytes =
      catalogue_.read([&](const Gallery& gallery) { return gallery.unknown_bytes(id_in(id[0])); });
  if (!bytes) {  // the same request, sent twice at once, may have named it since
    if (auto before = answered(asked, 201)) return *std::move(before);
    absent("unknown photo");
  }
  const auto serving = catalogue_.now();
  const Upload::Photo photo{"", *bytes};
  const Deadline deadline = deadline_of(request);
  const EmbeddedPhotos photos = embed_upload(*serving->batcher, {&photo, 1}, decoder_, deadline);
  if (!photos.errors.empty()) throw photos.errors[0].second;
  NewPhoto named{label, *bytes};
  find_copies(catalogue_, *serving, photos.embedded, {&named, 1});
  return changed(request, asked, 201, [&](Gallery& gallery) {
    if (!gallery.remove_unknown(id_in(id[0]))) absent("unknown photo");
    return added_json(gallery, serving->model.fingerprint, {&named, 1}, photos.embedded.embeddings);
  });
}

HttpResponse Api::delete_unknown(const R& request, const A& id) {
  return changed(request, asked_of(request, {}), 200, [&](Gallery& gallery) {
    if (!gallery.remove_unknown(id_in(id[0]))) absent("unknown photo");
    return dumped({{"removed", 1}});
  });
}

}  // namespace shoplens
