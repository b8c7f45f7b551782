// SPDX-License-Identifier: Apache-2.0
// A request and its answer, whatever carries them.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "serve/private_file.h"

namespace shoplens {

struct HttpRequest {
  std::string method;
  std::string target;                        // as it was sent: path?query
  std::vector<std::string> segments;         // of the path, decoded: "/v1/items/7" is v1, items, 7
  std::map<std::string, std::string> query;  // decoded
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::shared_ptr<const PrivateFile> file{};  // has the body instead, where Admission says so
  std::string client;                         // address, of whom a trusted proxy asks for
  std::string id;  // of the request: its X-Request-Id if that is sound, else made up
  std::chrono::steady_clock::time_point arrived;   // its first byte
  std::chrono::steady_clock::time_point received;  // its last: from here on the server is at work

  /// A header by its lower-case name; empty when it is not there.
  const std::string& header(const std::string& name) const;
  const std::string& parameter(const std::string& name) const;  // of the query, in the same way
};

/// Of a request that may be sent again: its Idempotency-Key, "" for none, and what tells it from
/// others with the same key.
struct Asked {
  std::string key, digest;
};

struct HttpResponse {
  int status = 200;
  std::string type = "application/json", body;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::shared_ptr<const PrivateFile> file{};  // if there is one, the body instead
};

/// The text of an answer, whatever bytes are in its strings: what clients send and messages quote
/// need not be UTF-8.
std::string dumped(const nlohmann::ordered_json& json);

/// {"error": {"code", "message", "hint"}}
HttpResponse error_response(int status, const std::string& code, const std::string& message,
                            const std::string& hint);

/// An answer other than success, thrown where it is found out.
struct HttpError : std::runtime_error {
  HttpError(int status, std::string code, const std::string& message, std::string hint = {})
      : std::runtime_error(message), status(status), code(std::move(code)), hint(std::move(hint)) {}
  int status;
  std::string code, hint;
  std::vector<std::pair<std::string, std::string>> headers{};
};

HttpResponse to_response(const HttpError& error);

/// 500, of what is no fault of the request's and says nothing of the server's insides.
HttpResponse internal_error(const std::string& request_id);

/// Of what may go well later: with Retry-After.
HttpError busy(int status, const char* code, const char* message, int seconds = 1);
/// 504, for a request whose time is up; and throwing it if it is.
HttpError past_deadline();
/// Of an Idempotency-Key that came with another request before.
HttpError key_used();
void check_deadline(std::chrono::steady_clock::time_point deadline);

/// Fills in segments and query from target. Throws HttpError 400 for anything but an absolute path
/// of sound percent escapes that make UTF-8 without control characters.
void parse_target(HttpRequest& request);

/// Called once for each request.
using HttpReply = std::function<void(HttpResponse)>;

/// How the body of a request is taken.
struct Admission {
  std::uint64_t max_body;  // bytes
  bool to_a_file = false;  // it is too large for memory
};

/// What a server is for. All but the reply is called on the network thread and must not block.
class HttpApplication {
 public:
  virtual ~HttpApplication() = default;
  /// Of a request whose body has not been read. What is thrown as HttpError is the answer instead,
  /// and the body is not read.
  virtual Admission admit(const HttpRequest& head) = 0;
  /// Of a request that was admitted. Replies from any thread, once.
  virtual void handle(HttpRequest request, HttpReply reply) = 0;
  /// An answer that the server gives without handle(): a last look at it. `head` has what is known.
  virtual void refused(const HttpRequest& head, HttpResponse& response) = 0;
  /// Of a connection that ends without an answer: "connections", as there are too many, or
  /// "timeout", as a request did not come in time.
  virtual void dropped(const char* why) = 0;
};

}  // namespace shoplens
