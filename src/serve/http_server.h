// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 on Boost.Beast, which only http_server.cpp and http_session.* see.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "serve/http.h"

namespace shoplens {

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  int port = 8080;                        // 0: any that is free
  std::string certificate{}, key{};       // PEM files; empty: no TLS
  std::uint64_t max_bodies = 512u << 20;  // of all that have come, and answers
  std::uint32_t max_header = 16u << 10;
  int max_connections = 1024, max_connections_per_client = 256;
  // Addresses and networks of proxies whose X-Forwarded-For says whom a request is from; they may
  // have any number of connections.
  std::vector<std::string> trusted_proxies{};
  // For a whole header, a body, an answer, and between two requests. What `least_rate` bytes of
  // body or answer take is a second more, so that a large one may take long, and neither a client
  // that dribbles is waited for nor, longer than that, one that stalls.
  std::chrono::seconds header_timeout{10}, body_timeout{60}, write_timeout{60}, idle_timeout{60};
  std::uint64_t least_rate = 64u << 10;
};

struct HttpServerState;  // of http_session.h

/// Accepts connections on its own thread and hands each request to the application. What is wrong
/// with a request before it is one (syntax, size, time) it answers itself, as error_response does.
class HttpServer {
 public:
  /// Listens from now on. Throws kBadInput for an address or a proxy that is none, kIo when it
  /// cannot be listened on (naming it) or a certificate cannot be read. `application` must outlive
  /// it.
  HttpServer(const HttpServerOptions& options, HttpApplication& application);
  ~HttpServer();  // as stop(0)
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;
  int connections() const;

  /// Reads certificate and key again, for connections that come from now on. Throws as the
  /// constructor does, and then nothing changes; nothing without TLS.
  void reload_certificate();

  /// Takes no more connections, lets requests that have begun be answered for at most `drain`, and
  /// ends. Returns true when all of them were answered.
  bool stop(std::chrono::milliseconds drain);

 private:
  std::shared_ptr<HttpServerState> state_;
};

}  // namespace shoplens
