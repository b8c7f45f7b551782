// SPDX-License-Identifier: Apache-2.0
// One connection of an HttpServer, and what all of them share. Only http_server.cpp includes this.
#pragma once
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "serve/http_server.h"
#include "serve/proxies.h"

namespace shoplens {

class HttpSession {
 public:
  virtual ~HttpSession() = default;
  virtual void stop_when_idle() = 0;  // from any thread
  virtual void close() = 0;
};

// What the network thread and its sessions share.
struct HttpServerState : std::enable_shared_from_this<HttpServerState> {
  HttpServerState(const HttpServerOptions& options_in, HttpApplication& application_in)
      : options(options_in), application(application_in), proxies(options_in.trusted_proxies) {}

  void listen();
  void accept();
  void enter(const std::shared_ptr<HttpSession>& session, const std::string& client);
  void leave(const HttpSession* session, const std::string& client);
  std::vector<std::shared_ptr<HttpSession>> alive() const;

  HttpServerOptions options;
  HttpApplication& application;
  const Proxies proxies;
  boost::asio::io_context io{1};
  std::optional<boost::asio::ssl::context> tls;
  boost::asio::ip::tcp::acceptor acceptor{io};
  std::thread thread;
  boost::asio::thread_pool disk{1};      // reads and writes the files of bodies and answers
  std::atomic<std::uint64_t> bodies{0};  // bytes of bodies that have come, and of answers
  bool accepting = false;                // a connection is waited for, or will be in a moment
  std::atomic<bool> stopping{false};
  std::atomic<bool> ended{false};

  mutable std::mutex mutex;  // of the two below
  std::map<const HttpSession*, std::weak_ptr<HttpSession>> sessions;
  std::map<std::string, int> of_client;
};

/// Answers what comes over `socket`, through TLS where the server has it, until either side ends.
void start_session(const std::shared_ptr<HttpServerState>& server, const std::string& client,
                   boost::asio::ip::tcp::socket socket);

}  // namespace shoplens
