// SPDX-License-Identifier: Apache-2.0
#include "serve/http_session.h"

#include <algorithm>
#include <array>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>

#include "core/log.h"
#include "core/random.h"
#include "serve/http_body.h"
#include "serve/text.h"

namespace shoplens {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

// A request id is quoted in logs and headers, so only these characters.
bool is_sound_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 &&
         id.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
             std::string_view::npos;
}

std::string made_up_id() {
  static const auto seed =
      static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  static std::atomic<std::uint64_t> count{0};
  char text[17];
  std::snprintf(text, sizeof text, "%016llx",
                static_cast<unsigned long long>(Random{seed, count++}.next()));
  return text;
}

HttpResponse too_large(std::uint64_t most) {
  return error_response(413, "too_large", join("request: want a body of at most ", most, " bytes"),
                        "send a smaller photo, or fewer at once");
}

HttpResponse no_memory(const char* message) {
  HttpResponse busy = error_response(503, "overloaded", message, "try again in a moment");
  busy.headers.emplace_back("Retry-After", "1");
  return busy;
}

HttpResponse no_disk() {
  HttpResponse full =
      error_response(503, "storage", "body: want it in a temporary file, the disk says no",
                     "try again later; the server's log may say why");
  full.headers.emplace_back("Retry-After", "1");
  return full;
}

// What is sent where `response` cannot be: with its headers, as every answer has them.
HttpResponse in_place_of(const HttpResponse& response, HttpResponse refused) {
  refused.headers.insert(refused.headers.end(), response.headers.begin(), response.headers.end());
  return refused;
}

HttpResponse refusal(error_code ec, const HttpServerOptions& options, std::uint64_t max_body) {
  if (ec == http::error::body_limit) return too_large(max_body);
  if (ec == asio::error::no_memory)
    return no_memory("request: want memory for its body, other requests have it");
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow)
    return error_response(431, "header_too_large",
                          join("request: want a header of at most ", options.max_header, " bytes"),
                          "send fewer or shorter header fields");
  return error_response(400, "bad_request", join("request: want HTTP/1.1, got ", ec.message()),
                        "see /openapi.json");
}

// One connection: reads a request, hands it over, writes the answer, again. All of it runs on the
// server's network thread, but for the reply, which comes from any.
template <class Stream>
class Session final : public HttpSession, public std::enable_shared_from_this<Session<Stream>> {
 public:
  template <class... Arguments>
  Session(std::shared_ptr<HttpServerState> server, std::string client, Arguments&&... arguments)
      : server_(std::move(server)),
        client_(std::move(client)),
        stream_(std::forward<Arguments>(arguments)...) {}
  ~Session() override {
    release_body();
    server_->leave(this, client_);
  }

  void start() {
    server_->enter(this->shared_from_this(), client_);
    if constexpr (kTls) {
      idle_ = true;
      lowest().expires_after(server_->options.header_timeout);
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](error_code ec) {
                                self->idle_ = false;
                                if (!ec) self->wait_for_request();
                              });
    } else {
      wait_for_request();
    }
  }

  void stop_when_idle() override {
    asio::post(server_->io, [self = this->shared_from_this()] {
      if (self->idle_) self->close();
    });
  }
  void close() override {
    error_code ignored;
    lowest().socket().shutdown(tcp::socket::shutdown_both, ignored);
    lowest().close();
  }

 private:
  static constexpr std::uint64_t kMostDrained = 64u << 20;
  static constexpr std::size_t kSmallAnswer = 64u << 10;  // not counted
  static constexpr std::size_t kPiece = 256u << 10;       // of a file
  static constexpr std::size_t kMostRead = 64u << 10;     // of a body, at once
  static constexpr bool kTls = !std::is_same_v<Stream, beast::tcp_stream>;

  static std::string text(beast::string_view view) { return {view.data(), view.size()}; }
  beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }
  auto with_self(void (Session::*then)(error_code, std::size_t)) {
    return beast::bind_front_handler(then, this->shared_from_this());
  }

  // Until the first byte comes a client may take its time; after it a header has to come.
  void wait_for_request() {
    if (server_->stopping) return close();
    if (buffer_.size() > 0) return read_header();  // a pipelined one
    buffer_.shrink_to_fit();                       // as the connection may be idle for long
    idle_ = true;
    lowest().expires_after(server_->options.idle_timeout);
    stream_.async_read_some(buffer_.prepare(4096), with_self(&Session::on_first_bytes));
  }

  void on_first_bytes(error_code ec, std::size_t bytes) {
    idle_ = false;
    if (ec) return;
    buffer_.commit(bytes);
    read_header();
  }

  void read_header() {
    parser_.emplace();
    request_ = {};
    request_.client = client_;
    keep_alive_ = false;
    parser_->header_limit(server_->options.max_header);
    parser_->body_limit(UINT64_MAX);  // until the head says what is asked
    request_.arrived = std::chrono::steady_clock::now();
    lowest().expires_after(server_->options.header_timeout);
    http::async_read_header(stream_, buffer_, *parser_, with_self(&Session::on_header));
  }

  void on_header(error_code ec, std::size_t) {
    if (ec == http::error::end_of_stream || ec == http::error::partial_message) return close();
    if (ec == beast::error::timeout) server_->application.dropped("timeout");
    if (ec == beast::error::timeout || ec == asio::error::operation_aborted) return;
    if (ec) return refuse(refusal(ec, server_->options, 0));
    read_head(parser_->get());
    if (!is_framed()) {
      keep_alive_ = false;
      return refuse(error_response(400, "bad_request",
                                   "Transfer-Encoding: want chunked or none, got another",
                                   "send the body as it is, with its Content-Length"));
    }
    try {
      parse_target(request_);
      admission_ = server_->application.admit(request_);
      if (admission_.to_a_file) open_file();
    } catch (const HttpError& e) {
      return refuse(to_response(e));
    } catch (const Error& e) {
      log_warning("request ", id_, ": ", e.what());
      return refuse(e.code == ErrorCode::kIo ? no_disk() : internal_error(id_));
    } catch (const std::exception& e) {
      log_line(LogLevel::kError, join("request ", id_, ": ", e.what()));
      return refuse(internal_error(id_));
    }
    const std::uint64_t most = admission_.max_body;
    const auto length = parser_->content_length();
    if (length && *length > most) return refuse(too_large(most));
    parser_->body_limit(most);
    // Of what has come, as who announces much may send nothing.
    parser_->get().body().hold = [this](std::size_t bytes) { return hold(bytes); };
    parser_->eager(true);  // as async_read has it
    // Beast reads no more at once than this, nor than the buffer has room for.
    if (!parser_->is_done())
      buffer_.reserve(std::min<std::uint64_t>(kMostRead, length.value_or(most)));
    begin_transfer(server_->options.body_timeout);
    if (beast::iequals(parser_->get()[http::field::expect], "100-continue")) {
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      return asio::async_write(stream_, asio::buffer(kContinue), with_self(&Session::on_continued));
    }
    read_body();
  }

  void open_file() {
    const auto file = std::make_shared<const PrivateFile>();
    error_code ec;
    file_.open(file->path().c_str(), beast::file_mode::write, ec);
    if (ec)
      throw Error(ErrorCode::kIo, join("serve: want to write a temporary file: ", ec.message(),
                                       " (", file->path().string(), ")"));
    request_.file = file;
    parser_->get().body().in_pieces = true;
  }

  // Does work(error) on a thread that may wait for the disk, then then(error) here. The client has
  // as much more time.
  template <class Work, class Then>
  void with_disk(Work work, Then then) {
    if (!lowest().socket().is_open()) return;  // at the server's end nobody works any more
    asio::post(server_->disk,
               [self = this->shared_from_this(), guard = asio::make_work_guard(server_->io),
                work = std::move(work), then = std::move(then),
                begin = std::chrono::steady_clock::now()]() mutable {
                 error_code ec;
                 work(ec);
                 const auto taken = std::chrono::steady_clock::now() - begin;
                 asio::post(self->server_->io, [self, then = std::move(then), ec, taken] {
                   self->transfer_begin_ += taken;
                   self->prolong_transfer(0);
                   then(ec);
                 });
               });
  }

  void on_continued(error_code ec, std::size_t) {
    if (!ec) read_body();
  }

  void read_body() {
    if (parser_->is_done()) return on_request({}, 0);
    http::async_read_some(stream_, buffer_, *parser_, with_self(&Session::on_body));
  }

  void on_body(error_code ec, std::size_t bytes) {
    if (ec) return on_request(ec, bytes);
    prolong_transfer(bytes);
    const std::size_t here = parser_->get().body().text.size();
    if (request_.file && here > 0 && (here >= kPiece || parser_->is_done())) return store_piece();
    read_body();
  }

  void store_piece() {
    with_disk([this, piece = std::exchange(parser_->get().body().text, {})](
                  error_code& ec) { file_.write(piece.data(), piece.size(), ec); },
              [this](error_code ec) {
                if (ec) {
                  log_warning("request ", id_, ": want to write a temporary file: ", ec.message());
                  return refuse(no_disk());
                }
                release_body();  // it is on the disk
                read_body();
              });
  }

  void on_request(error_code ec, std::size_t) {
    if (ec == beast::error::timeout) server_->application.dropped("timeout");
    if (ec == http::error::partial_message || ec == beast::error::timeout ||
        ec == asio::error::operation_aborted)
      return;
    file_ = {};
    if (ec) return refuse(refusal(ec, server_->options, admission_.max_body));
    lowest().expires_never();  // answering has a deadline of its own
    request_.body = std::move(parser_->get().body().text);
    request_.received = std::chrono::steady_clock::now();
    // Until the reply comes nothing else keeps the network thread from running out of work.
    server_->application.handle(
        std::move(request_), [self = this->shared_from_this(),
                              work = asio::make_work_guard(server_->io)](HttpResponse response) {
          asio::post(self->server_->io, [self, response = std::move(response)]() mutable {
            self->write(std::move(response));
          });
        });
  }

  void read_head(const http::request<HttpBody>& message) {
    request_.method = text(message.method_string());
    request_.target = text(message.target());
    for (const auto& field : message) {
      std::string& value = request_.headers[lower_case(text(field.name_string()))];
      if (!value.empty()) value += ", ";  // as if it had been one field
      value += text(field.value());
    }
    request_.client = server_->proxies.client_of(client_, request_.header("x-forwarded-for"));
    request_.id = request_.header("x-request-id");
    if (!is_sound_id(request_.id)) request_.id = made_up_id();
    id_ = request_.id;
    keep_alive_ = message.keep_alive();
    version_ = message.version();
    head_ = request_.method == "HEAD";
  }

  // Of a body in another coding nobody knows where it ends (RFC 9112 section 6.3), and the parser
  // would take it for the next request.
  bool is_framed() const {
    const auto coding = request_.headers.find("transfer-encoding");
    return coding == request_.headers.end() || lower_case(coding->second) == "chunked";
  }

  // Answered without being handled. With a body on its way, or what is no HTTP, nobody knows where
  // the next request would begin, and the connection is given up.
  void refuse(HttpResponse response) {
    if (!parser_->is_done()) keep_alive_ = false;
    std::string().swap(parser_->get().body().text);  // counted no more
    if (id_.empty()) request_.id = id_ = made_up_id();
    server_->application.refused(request_, response);
    write(std::move(response));
  }

  void write(HttpResponse response) {
    release_body();
    if (server_->stopping) keep_alive_ = false;
    answer_ = {};
    if (response.file && !open_answer(response.file->path()))
      response = in_place_of(response, no_disk());
    // An answer is held for as long as its client takes to read it.
    if (response.body.size() > kSmallAnswer && !hold(response.body.size())) {
      release_body();
      response =
          in_place_of(response, no_memory("request: want memory for its answer, others have it"));
    }
    answer_.result(static_cast<unsigned>(response.status));
    answer_.version(version_);
    answer_.set(http::field::server, "shoplens");
    answer_.set(http::field::content_type, response.type);
    answer_.set("X-Request-Id", id_);
    for (const auto& [name, value] : response.headers) answer_.set(name, value);
    answer_.keep_alive(keep_alive_);
    if (!response.file) answer_.body().text = std::move(response.body);
    answer_file_ = std::move(response.file);
    answer_.content_length(HttpBody::size(answer_.body()));
    if (head_) answer_.body() = {};
    id_.clear();
    begin_transfer(server_->options.write_timeout);
    serializer_.emplace(answer_);
    if (head_)
      http::async_write_header(stream_, *serializer_, with_self(&Session::on_written));
    else
      write_some();
  }

  bool open_answer(const std::filesystem::path& path) {
    error_code ec;
    file_.open(path.c_str(), beast::file_mode::scan, ec);
    if (!ec) answer_.body().rest = file_.size(ec);
    if (ec) log_warning("request ", id_, ": want to read a temporary file: ", ec.message());
    return !ec;
  }

  // The next of the answer's file. What fails once its head is sent only the end can tell.
  void read_piece() {
    HttpBody::value_type& body = answer_.body();
    body.text.resize(std::min<std::uint64_t>(kPiece, body.rest));
    with_disk(
        [this, &body](error_code& ec) {
          const std::size_t read = file_.read(body.text.data(), body.text.size(), ec);
          if (!ec && read == 0) ec = http::error::short_read;  // it has become shorter
          body.text.resize(read);
        },
        [this, &body](error_code ec) {
          if (ec) return close();
          body.rest -= body.text.size();
          write_some();
        });
  }

  void write_some() {
    http::async_write_some(stream_, *serializer_,
                           [self = this->shared_from_this()](error_code ec, std::size_t bytes) {
                             if (ec == http::error::need_buffer) return self->read_piece();
                             if (ec || self->serializer_->is_done())
                               return self->on_written(ec, bytes);
                             self->prolong_transfer(bytes);
                             self->write_some();
                           });
  }

  void begin_transfer(std::chrono::seconds timeout) {
    transfer_begin_ = std::chrono::steady_clock::now();
    transfer_timeout_ = timeout;
    transferred_ = 0;
    lowest().expires_at(transfer_end_ = transfer_begin_ + timeout);
  }
  // What has moved earns time, but for no longer pause than the first.
  void prolong_transfer(std::size_t bytes) {
    transferred_ += bytes;
    const auto earned = std::chrono::seconds(transferred_ / server_->options.least_rate);
    const auto gone =
        std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - transfer_begin_);
    expire_transfer_at(transfer_begin_ + transfer_timeout_ + std::min(earned, gone));
  }
  // Each call cancels a timer and sets another, so only where it is not set to that.
  void expire_transfer_at(std::chrono::steady_clock::time_point end) {
    if (end == transfer_end_) return;
    lowest().expires_at(transfer_end_ = end);
  }

  void on_written(error_code ec, std::size_t) {
    serializer_.reset();
    answer_ = {};  // it may be large, and the connection may be idle from now on
    file_ = {};
    answer_file_.reset();
    release_body();
    if (ec) return;
    head_ = false;
    if (keep_alive_) return wait_for_request();
    finish();
  }

  // Says that nothing more comes, and reads for a moment: a socket closed with bytes unread would
  // reset the connection and take the answer with it. TLS reads nothing once it has said so, and
  // its client may read the answer only when all of its body is sent.
  void finish() {
    lowest().expires_after(std::chrono::seconds(2));
    if constexpr (kTls) {
      drain(unread_body());
    } else {
      error_code ignored;
      lowest().socket().shutdown(tcp::socket::shutdown_send, ignored);
      drain(kMostDrained);
    }
  }
  std::uint64_t unread_body() const {
    if (parser_->is_done()) return 0;
    if (!parser_->is_header_done() || !parser_->content_length_remaining()) return kMostDrained;
    const std::uint64_t rest = *parser_->content_length_remaining();
    return std::min(kMostDrained, rest - std::min<std::uint64_t>(rest, buffer_.size()));
  }
  void drain(std::uint64_t most) {
    if (most == 0) return end();
    stream_.async_read_some(asio::buffer(drained_),
                            [self = this->shared_from_this(), most](error_code ec, std::size_t n) {
                              if (ec) return self->end();
                              self->drain(most - std::min<std::uint64_t>(most, n));
                            });
  }
  void end() {
    if constexpr (kTls)
      stream_.async_shutdown([self = this->shared_from_this()](error_code) { self->close(); });
    else
      close();
  }

  // So many bytes of this connection's body or answer are in memory now; false: that is more than
  // all may have.
  bool hold(std::uint64_t bytes) {
    const std::uint64_t all = server_->bodies += bytes - held_;  // modulo 2^64 it may become less
    held_ = bytes;
    return all <= server_->options.max_bodies;
  }
  void release_body() { hold(0); }

  std::shared_ptr<HttpServerState> server_;
  std::string client_;
  Stream stream_;
  beast::flat_buffer buffer_{1u << 20};
  std::optional<http::request_parser<HttpBody>> parser_;
  http::response<HttpBody> answer_;
  std::optional<http::response_serializer<HttpBody>> serializer_;
  beast::file file_;  // of the request's body, then of the answer's
  std::shared_ptr<const PrivateFile> answer_file_;
  std::array<char, 16384> drained_;
  HttpRequest request_;
  std::chrono::steady_clock::time_point transfer_begin_, transfer_end_;  // of a body or an answer
  std::chrono::seconds transfer_timeout_;
  std::uint64_t transferred_ = 0;
  std::string id_;
  Admission admission_{};
  std::uint64_t held_ = 0;
  unsigned version_ = 11;
  bool keep_alive_ = false, head_ = false, idle_ = false;
};

}  // namespace

void start_session(const std::shared_ptr<HttpServerState>& server, const std::string& client,
                   tcp::socket socket) {
  if (server->tls)
    std::make_shared<Session<beast::ssl_stream<beast::tcp_stream>>>(server, client,
                                                                    std::move(socket), *server->tls)
        ->start();
  else
    std::make_shared<Session<beast::tcp_stream>>(server, client, std::move(socket))->start();
}

}  // namespace shoplens
