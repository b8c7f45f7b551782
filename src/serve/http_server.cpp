// SPDX-License-Identifier: Apache-2.0
#include "serve/http_server.h"

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>

#include "core/log.h"
#include "serve/http_session.h"

namespace shoplens {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

asio::ssl::context read_certificate(const HttpServerOptions& options) {
  asio::ssl::context tls(asio::ssl::context::tls_server);
  tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                  asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                  asio::ssl::context::no_tlsv1_1);
  error_code ec;
  // Without this OpenSSL would ask at the terminal, and a service would wait there for nobody.
  const auto encrypted = std::make_shared<bool>(false);
  tls.set_password_callback(
      [encrypted](std::size_t, asio::ssl::context::password_purpose) {
        *encrypted = true;
        return std::string();
      },
      ec);
  tls.use_certificate_chain_file(options.certificate, ec);
  if (ec)
    throw Error(
        ErrorCode::kBadInput,
        join("serve: want a PEM certificate chain, got ", ec.message(), " (", options.certificate,
             ")"),
        "give --certificate the file with the server's certificate, then those that signed it");
  tls.use_private_key_file(options.key, asio::ssl::context::pem, ec);
  if (ec && *encrypted)
    throw Error(ErrorCode::kBadInput,
                join("serve: want the certificate's key without a password, got one that is "
                     "encrypted (",
                     options.key, ")"),
                join("decrypt it into a file that only the service may read: (umask 077; openssl "
                     "pkey -in ",
                     options.key, " -out plain.pem), then --key plain.pem"));
  if (ec)
    throw Error(
        ErrorCode::kBadInput,
        join("serve: want the certificate's PEM key, got ", ec.message(), " (", options.key, ")"),
        "give --key the unencrypted key that the certificate was made for");
  return tls;
}

std::string text_of(const tcp::endpoint& endpoint) {
  error_code ec;
  std::string text = endpoint.address().to_string(ec);
  return text.starts_with("::ffff:") ? text.substr(7) : text;
}

}  // namespace

void HttpServerState::listen() {
  const std::string place = join(options.host, ":", options.port);
  error_code ec;
  const auto address =
      asio::ip::make_address(options.host == "localhost" ? "127.0.0.1" : options.host, ec);
  check(!ec, "serve: want an IP address to listen on, got ", options.host,
        " (0.0.0.0 for all of the machine's)");
  check(options.port >= 0 && options.port <= 65535, "serve: want a port from 0 to 65535, got ",
        options.port);
  const tcp::endpoint endpoint(address, static_cast<unsigned short>(options.port));
  const auto step = [&](const char* what) {
    if (ec)
      throw Error(ErrorCode::kIo, join("serve: want to ", what, " ", place, ": ", ec.message()),
                  "give another --port, or end what has this one");
  };
  acceptor.open(endpoint.protocol(), ec);
  step("open");
  acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  acceptor.bind(endpoint, ec);
  step("listen on");
  acceptor.listen(asio::socket_base::max_listen_connections, ec);
  step("listen on");
  if (!options.certificate.empty()) tls.emplace(read_certificate(options));
}

void HttpServerState::accept() {
  accepting = true;
  acceptor.async_accept([self = shared_from_this()](error_code ec, tcp::socket socket) {
    if (ec == asio::error::operation_aborted || self->stopping) return;
    if (ec) {  // out of file descriptors, or the client is gone already
      auto timer = std::make_shared<asio::steady_timer>(self->io, std::chrono::milliseconds(50));
      return timer->async_wait([self, timer](error_code) { self->accept(); });
    }
    self->accepting = false;
    self->accept();  // whatever becomes of this one
    error_code ignored;
    const std::string client = text_of(socket.remote_endpoint(ignored));
    bool welcome;
    {
      const std::lock_guard lock(self->mutex);
      const auto found = self->of_client.find(owner_of(client));
      welcome = static_cast<int>(self->sessions.size()) < self->options.max_connections &&
                (found == self->of_client.end() || self->proxies.contains(client) ||
                 found->second < self->options.max_connections_per_client);
    }
    if (welcome) {
      socket.set_option(tcp::no_delay(true), ignored);
      start_session(self, client, std::move(socket));
    } else {
      self->application.dropped("connections");
    }
  });
}

void HttpServerState::enter(const std::shared_ptr<HttpSession>& session,
                            const std::string& client) {
  const std::lock_guard lock(mutex);
  sessions[session.get()] = session;
  ++of_client[owner_of(client)];
}

void HttpServerState::leave(const HttpSession* session, const std::string& client) {
  const std::lock_guard lock(mutex);
  const std::string owner = owner_of(client);
  if (sessions.erase(session) > 0 && --of_client[owner] == 0) of_client.erase(owner);
}

// Not to be destroyed under the lock: leave() takes it.
std::vector<std::shared_ptr<HttpSession>> HttpServerState::alive() const {
  std::vector<std::shared_ptr<HttpSession>> all;
  const std::lock_guard lock(mutex);
  for (const auto& [key, session] : sessions)
    if (auto shared = session.lock()) all.push_back(std::move(shared));
  return all;
}

HttpServer::HttpServer(const HttpServerOptions& options, HttpApplication& application)
    : state_(std::make_shared<HttpServerState>(options, application)) {
  state_->listen();
  state_->accept();
  state_->thread = std::thread([state = state_] {
    while (!state->ended) {
      try {
        state->io.run();
        state->ended = true;
      } catch (const std::exception& e) {  // its connection went with it, the others are there
        log_line(LogLevel::kError, join("server: a connection is given up: ", e.what()));
        if (!state->accepting && !state->stopping) state->accept();
      }
    }
  });
}

// A session that waits keeps the state, and the state keeps what waits: broken here.
HttpServer::~HttpServer() {
  stop(std::chrono::milliseconds(0));
  for (const auto& session : state_->alive()) session->close();
  state_->io.restart();
  state_->io.poll();
}

int HttpServer::port() const { return state_->acceptor.local_endpoint().port(); }

int HttpServer::connections() const {
  const std::lock_guard lock(state_->mutex);
  return static_cast<int>(state_->sessions.size());
}

void HttpServer::reload_certificate() {
  if (state_->options.certificate.empty()) return;
  // Of a connection its stream keeps what it needs, so the old one may go.
  asio::post(state_->io, [state = state_, fresh = read_certificate(state_->options)]() mutable {
    state->tls = std::move(fresh);
  });
}

bool HttpServer::stop(std::chrono::milliseconds drain) {
  if (!state_->thread.joinable()) return true;
  const auto until = std::chrono::steady_clock::now() + drain;
  state_->stopping = true;
  asio::post(state_->io, [state = state_] {
    error_code ignored;
    state->acceptor.close(ignored);
    for (const auto& session : state->alive()) session->stop_when_idle();
  });
  // With nobody left to wait for, the network thread's work runs out.
  while (!state_->ended && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  const bool all = state_->ended;
  state_->io.stop();
  state_->thread.join();
  state_->disk.join();
  return all;
}

}  // namespace shoplens
