// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <string>
#include <vector>

#include "serve/http.h"
#include "serve/multipart.h"

namespace shoplens {

inline constexpr std::size_t kMostColumns = 32;  // of an item, beside its label

/// What a request brings: photos, and words beside them.
struct Upload {
  struct Photo {
    std::string name;  // what the client calls it, in at most 1,024 characters; may be ""
    std::string_view bytes;
  };
  std::vector<Photo> photos;
  std::map<std::string, std::string> fields;
  std::vector<std::string> decoded{};  // what photos of JSON refer to
};

/// The parts of a request that is multipart/form-data, whose body they refer to; none of any other.
/// Throws HttpError 400 for a form that is none, 413 for one of many more parts than `max_photos`.
std::vector<FormPart> form_of(const HttpRequest& request, std::size_t max_photos);

/// The upload of a request with its form, whose body it refers to:
/// - multipart/form-data: a part with a file name or an image's type is a photo, any other a field
/// - application/json: {"photos": [base64 or {"name", "base64"}, ...], and fields that are strings}
/// - else the body is a photo
/// The query's parameters are fields in any case.
/// Throws HttpError: 400 for what is not made so, 413 for more than `max_photos`.
Upload read_upload(const HttpRequest& request, const std::vector<FormPart>& form,
                   std::size_t max_photos);

/// The Idempotency-Key of a request. Throws HttpError 400 for what is none.
const std::string& key_of(const HttpRequest& request);

/// The key, and with one a digest that is equal for requests that ask the same, as when one is sent
/// again: a form's boundary is not of what it asks. Throws as key_of does.
Asked asked_of(const HttpRequest& request, const std::vector<FormPart>& form);

/// The upload of a request that is to bring one field and no photo: "" when it is not there. Throws
/// HttpError 400 for any other field.
std::string read_word(const HttpRequest& request, const std::vector<FormPart>& form,
                      const std::string& name);

}  // namespace shoplens
