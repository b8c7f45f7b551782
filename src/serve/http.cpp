// SPDX-License-Identifier: Apache-2.0
#include "serve/http.h"

#include <nlohmann/json.hpp>

#include "serve/text.h"

namespace shoplens {
namespace {

const std::string& value_of(const std::map<std::string, std::string>& map,
                            const std::string& name) {
  static const std::string none;
  const auto found = map.find(name);
  return found == map.end() ? none : found->second;
}

std::string decoded(std::string_view text, bool plus_is_space) {
  const auto bad = [&](const char* why) {
    return HttpError(400, "bad_request", join("target: want an absolute path in UTF-8, got ", why),
                     "encode other characters as %XX");
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const std::string_view digits = text.substr(i + 1, 2);
      if (digits.size() < 2 || hex_value(digits[0]) < 0 || hex_value(digits[1]) < 0)
        throw bad("a broken % escape");
      out += static_cast<char>(hex_value(digits[0]) * 16 + hex_value(digits[1]));
      i += 2;
    }
  }
  if (!is_plain_utf8(out)) throw bad("bytes that are none, or control characters");
  return out;
}

// Calls use(part) for what stands between the separators.
template <class Use>
void split(std::string_view text, char separator, const Use& use) {
  while (true) {
    const std::size_t end = text.find(separator);
    use(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

const std::string& HttpRequest::header(const std::string& name) const {
  return value_of(headers, name);
}

const std::string& HttpRequest::parameter(const std::string& name) const {
  return value_of(query, name);
}

std::string dumped(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

HttpResponse error_response(int status, const std::string& code, const std::string& message,
                            const std::string& hint) {
  return {status, "application/json",
          dumped({{"error", {{"code", code}, {"message", message}, {"hint", hint}}}})};
}

void parse_target(HttpRequest& request) {
  const std::string_view target = request.target;
  const std::string_view path = target.substr(0, target.find('?'));
  if (path.empty() || path[0] != '/')
    throw HttpError(400, "bad_request", "target: want an absolute path",
                    "begin it with /, as in GET /healthz");
  if (path.size() > 1)
    split(path.substr(1), '/',
          [&](std::string_view part) { request.segments.push_back(decoded(part, false)); });
  if (path.size() == target.size()) return;
  split(target.substr(path.size() + 1), '&', [&](std::string_view part) {
    if (part.empty()) return;
    const std::size_t equals = std::min(part.find('='), part.size());
    request.query[decoded(part.substr(0, equals), true)] =
        equals == part.size() ? "" : decoded(part.substr(equals + 1), true);
  });
}

HttpResponse to_response(const HttpError& e) {
  HttpResponse response = error_response(e.status, e.code, e.what(), e.hint);
  response.headers = e.headers;
  return response;
}

HttpResponse internal_error(const std::string& request_id) {
  return error_response(500, "internal", "server: want an answer, got an error of its own",
                        join("the server's log says more at request ", request_id));
}

HttpError busy(int status, const char* code, const char* message, int seconds) {
  HttpError error(status, code, message, "wait as long as Retry-After says, then try again");
  error.headers.emplace_back("Retry-After", std::to_string(seconds));
  return error;
}

HttpError key_used() {
  return {409, "key_used", "Idempotency-Key: want one for each request, this one was for another",
          "send a new key with a new request"};
}

HttpError past_deadline() {
  return {504, "deadline", "request: want an answer within its deadline, none was ready",
          "try again when the server is less busy, or send fewer or smaller photos"};
}

void check_deadline(std::chrono::steady_clock::time_point deadline) {
  if (std::chrono::steady_clock::now() > deadline) throw past_deadline();
}

}  // namespace shoplens
