// SPDX-License-Identifier: Apache-2.0
// Photos of a request: decoded, embedded, shown.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gallery/gallery.h"
#include "serve/batcher.h"
#include "serve/catalogue.h"
#include "serve/http.h"
#include "serve/photo_decoder.h"
#include "serve/upload.h"

namespace shoplens {

/// Photos through decoder and network. One that cannot be decoded is in `errors` and harms no
/// other.
struct EmbeddedPhotos {
  Embedded embedded;                                      // of the sound ones, in their order
  std::vector<std::size_t> sound;                         // their places
  std::vector<std::pair<std::size_t, HttpError>> errors;  // place and what is wrong
  double decode_ms = 0, resize_ms = 0;                    // of all
};

/// Throws HttpError 504 when `deadline` passes before all of them are embedded.
EmbeddedPhotos embed_upload(Batcher& batcher, std::span<const Upload::Photo> photos,
                            PhotoDecoder& decoder, std::chrono::steady_clock::time_point deadline);

/// A photo for the catalogue.
struct NewPhoto {
  std::string label;
  std::string_view bytes;
  std::vector<std::pair<std::string, std::string>> columns{};
  std::string path{};  // of the item that was made from a file of these bytes
};

/// Fills in the paths of photos, which `embedded` is of.
void find_copies(const Catalogue& catalogue, const Serving& serving, const Embedded& embedded,
                 std::span<NewPhoto> photos);

/// Adds photos with their vectors [photos, dim], within the caller's transaction. A photo is told
/// by its content: one that is there already takes the label, as what was said last holds. Throws
/// HttpError 409 when the vectors are not of the gallery's model.
AddCounts add_photos(Gallery& gallery, const std::string& fingerprint,
                     std::span<const NewPhoto> photos, std::span<const float> vectors);

/// The photo of an item that is there. Throws HttpError 404 when the item is not, or its file is
/// gone.
std::string photo_of_item(const Catalogue& catalogue, std::int64_t id, const DecodeLimits& limits);

/// An item's path as a client may see it: the file's name alone of one that is absolute or leads
/// out of its folder, as that tells where things are on the server.
std::string shown_path(const std::string& path);

/// The HttpError of a photo that cannot be decoded.
HttpError photo_error(const Error& error);

/// Throws HttpError 400 for a label of more than 200 characters, none, or not plain UTF-8 (`where`
/// it stands is in the message).
void check_label(const std::string& label, const std::string& where = "label");

/// Throws HttpError 404 naming what is not there.
[[noreturn]] void absent(const char* what);

/// The answer with a photo: its own bytes, or, for a `side` above 0, a JPEG of it that fits into a
/// square of so many pixels. May be kept by the browser: what has an id never changes.
/// Throws HttpError 422 when it cannot be decoded, 504 when there is no room for that by
/// `deadline`.
HttpResponse photo_response(std::string bytes, const std::string& side, PhotoDecoder& decoder,
                            std::chrono::steady_clock::time_point deadline);

/// A number of the query or path. Throws HttpError 400 naming it, for anything but a whole number
/// from `least` to `most`; an empty one is `absent`.
std::int64_t whole_number(const std::string& name, const std::string& text, std::int64_t least,
                          std::int64_t most, std::int64_t absent);

}  // namespace shoplens
