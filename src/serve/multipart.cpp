// SPDX-License-Identifier: Apache-2.0
#include "serve/multipart.h"

#include <map>

#include "serve/http.h"
#include "serve/text.h"

namespace shoplens {
namespace {

[[noreturn]] void bad(const char* got) {
  throw HttpError(400, "bad_multipart", join("multipart: want multipart/form-data, got ", got),
                  "send it as `curl -F photo=@picture.jpg` does");
}

[[noreturn]] void too_much(const char* what, std::size_t most) {
  throw HttpError(413, "too_large", join("multipart: want at most ", most, " ", what, ", got more"),
                  "send several requests");
}

// The parameters behind the first ; of a header's value: name=token or name="quoted \" string".
std::map<std::string, std::string> parameters_of(std::string_view value) {
  std::map<std::string, std::string> parameters;
  std::size_t i = value.find(';');
  while (i < value.size()) {
    const std::size_t equals = value.find('=', ++i);
    if (equals == std::string_view::npos) break;
    const std::string name = lower_case(trimmed(value.substr(i, equals - i)));
    std::string content;
    i = equals + 1;
    if (i < value.size() && value[i] == '"') {
      for (++i; i < value.size() && value[i] != '"'; ++i) {
        if (value[i] == '\\' && i + 1 < value.size()) ++i;
        content += value[i];
      }
      if (i == value.size()) bad("a quoted string without end");
      i = value.find(';', i);
    } else {
      const std::size_t end = value.find(';', i);
      content = trimmed(value.substr(i, end == std::string_view::npos ? end : end - i));
      i = end;
    }
    if (!parameters.emplace(name, std::move(content)).second) bad("a parameter twice");
  }
  return parameters;
}

std::string boundary_of(const std::string& content_type) {
  if (lower_case(trimmed(std::string_view(content_type).substr(0, content_type.find(';')))) !=
      "multipart/form-data")
    bad("another Content-Type");
  const std::string boundary = parameters_of(content_type)["boundary"];
  if (boundary.empty() || boundary.size() > 70) bad("no boundary of 1 to 70 characters");
  return boundary;
}

// The lines of a part's header into its fields.
void read_header(std::string_view header, FormPart& part) {
  bool disposed = false;
  while (!header.empty()) {
    const std::size_t end = header.find("\r\n");
    const std::string_view line = header.substr(0, end);
    header.remove_prefix(end == std::string_view::npos ? header.size() : end + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) bad("a part's header line without a colon");
    const std::string name = lower_case(trimmed(line.substr(0, colon)));
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (name == "content-type") part.type = lower_case(value);
    if (name != "content-disposition") continue;
    if (lower_case(trimmed(value.substr(0, value.find(';')))) != "form-data")
      bad("a part that is no form-data");
    auto parameters = parameters_of(value);
    if (!parameters.contains("name")) bad("a part without a name");
    part.name = parameters["name"];
    part.filename = parameters["filename"];
    disposed = true;
  }
  if (!disposed) bad("a part without Content-Disposition");
}

}  // namespace

std::vector<FormPart> parse_multipart(const std::string& content_type, std::string_view body,
                                      const MultipartLimits& limits) {
  const std::string boundary = "--" + boundary_of(content_type), delimiter = "\r\n" + boundary;
  std::vector<FormPart> parts;
  // What stands before the first boundary is for nobody (RFC 2046, section 5.1.1).
  std::size_t at;
  if (body.starts_with(boundary)) {
    at = boundary.size();
  } else {
    at = body.find(delimiter);
    if (at == std::string_view::npos) bad("a body without its boundary");
    at += delimiter.size();
  }
  while (true) {
    if (body.substr(at).starts_with("--")) return parts;
    const std::size_t line = body.find("\r\n", at);
    if (line == std::string_view::npos || !trimmed(body.substr(at, line - at)).empty())
      bad("a boundary that its line does not end with");
    if (parts.size() == limits.parts) too_much("parts", limits.parts);
    // A part without header lines begins with the empty line at once.
    const std::size_t header_end = body.find("\r\n\r\n", line);
    if (header_end == std::string_view::npos) bad("a part whose header does not end");
    if (header_end - line > limits.header_bytes)
      too_much("bytes of a part's header", limits.header_bytes);
    const std::size_t content = header_end + 4, end = body.find(delimiter, header_end + 2);
    if (end == std::string_view::npos) bad("a body that stops before its last boundary");
    FormPart& part = parts.emplace_back();
    if (header_end > line)
      read_header(body.substr(line + 2, header_end - line - 2), part);
    else
      bad("a part without Content-Disposition");
    part.content = end < content ? std::string_view{} : body.substr(content, end - content);
    at = end + delimiter.size();
  }
}

}  // namespace shoplens
