// SPDX-License-Identifier: Apache-2.0
// Load on `shoplens serve`, or on anything else that answers a POST of a photo:
//   serve_load --photos LIST [--port 8080] [--connections 32] [--rate R] [--seconds 10] ...
// Without --rate the loop is closed: each connection sends its next photo when it has its answer.
// With --rate it is open: a photo is due every 1/R seconds whatever the server does, and its time
// counts from when it was due, so that a server that stalls cannot hide it by holding the client
// up. One thread, photos and headers in memory: it shall take little of the cores it shares with
// the server. Prints one JSON document.
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <cmath>
#include <deque>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "data/manifest.h"

namespace shoplens {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

struct Options {
  std::string photos, host = "127.0.0.1", path = "/v1/recognize", type = "image/jpeg", token;
  int port = 8080, connections = 32;
  std::size_t limit = 0;  // photos; 0: all
  double rate = 0;        // photos a second; 0: closed loop
  double seconds = 10, warmup = 2, drain = 15;
};

double number(const std::string& flag, const std::string& text) {
  std::size_t used = 0;
  double value = -1;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {  // no number at all
  }
  check(used == text.size() && value >= 0, flag, ": want a number of at least 0, got ", text);
  return value;
}

Options parse(int argc, char** argv) {
  Options o;
  const std::map<std::string, std::function<void(const std::string&)>> flags{
      {"--photos", [&](auto& v) { o.photos = v; }},
      {"--host", [&](auto& v) { o.host = v; }},
      {"--path", [&](auto& v) { o.path = v; }},
      {"--type", [&](auto& v) { o.type = v; }},
      {"--token", [&](auto& v) { o.token = v; }},
      {"--port", [&](auto& v) { o.port = static_cast<int>(number("--port", v)); }},
      {"--connections",
       [&](auto& v) { o.connections = static_cast<int>(number("--connections", v)); }},
      {"--limit", [&](auto& v) { o.limit = static_cast<std::size_t>(number("--limit", v)); }},
      {"--rate", [&](auto& v) { o.rate = number("--rate", v); }},
      {"--seconds", [&](auto& v) { o.seconds = number("--seconds", v); }},
      {"--warmup", [&](auto& v) { o.warmup = number("--warmup", v); }},
      {"--drain", [&](auto& v) { o.drain = number("--drain", v); }}};
  for (int i = 1; i < argc; i += 2) {
    const auto flag = flags.find(argv[i]);
    check(flag != flags.end(), "serve_load: want a flag it knows, got ", argv[i]);
    check(i + 1 < argc, argv[i], ": want a value");
    flag->second(argv[i + 1]);
  }
  check(!o.photos.empty(), "serve_load: want --photos, a CSV or a folder of photos");
  check(o.connections >= 1 && o.seconds > 0, "serve_load: want --connections and --seconds");
  return o;
}

// Whole requests, header and photo, ready to be written.
std::vector<std::string> read_requests(const Options& o) {
  const Manifest manifest = read_manifest(o.photos, /*want_labels=*/false);
  std::vector<std::string> requests;
  for (const auto& path : manifest.paths) {
    if (o.limit > 0 && requests.size() == o.limit) break;
    const std::string photo = read_file(path);
    std::string request =
        join("POST ", o.path, " HTTP/1.1\r\nHost: ", o.host, ":", o.port,
             "\r\nContent-Type: ", o.type, "\r\nContent-Length: ", photo.size(), "\r\n");
    if (!o.token.empty()) request += "Authorization: Bearer " + o.token + "\r\n";
    requests.push_back(request + "\r\n" + photo);
  }
  return requests;
}

double cpu_seconds() {
  rusage usage;
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Json percentiles(std::vector<double> ms) {
  if (ms.empty()) return nullptr;
  std::sort(ms.begin(), ms.end());
  const auto at = [&](double share) {  // nearest rank
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(ms.size())));
    return ms[std::max<std::size_t>(rank, 1) - 1];
  };
  return {{"p50", at(0.5)}, {"p90", at(0.9)}, {"p99", at(0.99)}, {"max", ms.back()}};
}

class Load;

// A connection that is kept: one request at a time, connected again when it breaks.
class Connection {
 public:
  explicit Connection(Load& load);
  void connect();
  void send(Clock::time_point due);
  void waits() { has_waited_ = true; }

 private:
  void on_answer(error_code ec);
  void fail(const std::string& what);
  void after_pause(void (Connection::*next)());
  void ask();

  Load& load_;
  tcp::socket socket_;
  asio::steady_timer pause_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::response_parser<http::string_body>> parser_;
  std::optional<Clock::time_point> due_;  // of the request under way
  bool has_waited_ = false;               // for a request, since it was connected
};

class Load {
 public:
  Load(const Options& options, std::vector<std::string> requests)
      : options_(options), requests_(std::move(requests)) {}

  Json run();

  // What the connections say and ask.
  asio::io_context& io() { return io_; }
  bool open_loop() const { return options_.rate > 0; }
  tcp::endpoint server() const {
    return {asio::ip::make_address(options_.host), static_cast<unsigned short>(options_.port)};
  }
  const std::string& next_request() { return requests_[sent_++ % requests_.size()]; }
  void ready(Connection& connection);
  void answered(Clock::time_point due, int status);
  void failed(std::optional<Clock::time_point> due, const std::string& what);
  void reopened() { ++reopened_; }

 private:
  bool counts(Clock::time_point time) const { return time >= begin_ && time < end_; }
  void arrive();
  void end_when_answered();
  Json result() const;

  const Options& options_;
  std::vector<std::string> requests_;
  asio::io_context io_{1};
  asio::steady_timer arrivals_{io_}, marks_{io_}, last_{io_};
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> idle_;
  std::deque<Clock::time_point> backlog_;  // due, and no connection was free
  Clock::time_point start_, begin_, end_;
  std::size_t sent_ = 0, due_ = 0, under_way_ = 0, worst_backlog_ = 0, reopened_ = 0;
  double cpu_ = 0;

  std::size_t counted_ = 0, unanswered_ = 0;  // due within the time that counts
  std::map<int, std::size_t> statuses_;
  std::map<std::string, std::size_t> errors_;
  std::vector<double> accepted_ms_, refused_ms_;
};

Connection::Connection(Load& load) : load_(load), socket_(load.io()), pause_(load.io()) {}

void Connection::connect() {
  error_code ignored;
  socket_.close(ignored);
  buffer_.clear();
  has_waited_ = false;
  socket_.async_connect(load_.server(), [this](error_code ec) {
    if (ec) return fail("connect: " + ec.message());
    socket_.set_option(tcp::no_delay(true));
    if (due_) return send(*due_);
    load_.ready(*this);
  });
}

void Connection::send(Clock::time_point due) {
  due_ = due;
  parser_.emplace();
  asio::async_write(socket_, asio::buffer(load_.next_request()),
                    [this](error_code ec, std::size_t) {
                      if (ec) return fail("write: " + ec.message());
                      http::async_read(socket_, buffer_, *parser_,
                                       [this](error_code e, std::size_t) { on_answer(e); });
                    });
}

void Connection::on_answer(error_code ec) {
  if (ec) return fail("read: " + ec.message());
  const int status = static_cast<int>(parser_->get().result_int());
  load_.answered(*due_, status);
  due_.reset();
  waits();
  if (!parser_->keep_alive()) return connect();
  if (status == 200 || load_.open_loop()) return load_.ready(*this);
  after_pause(&Connection::ask);  // else a closed loop does nothing but be refused
}

void Connection::fail(const std::string& what) {
  // A server may close a kept connection just as the next request comes: any client sends again.
  if (due_ && has_waited_ && !(parser_ && parser_->got_some())) {
    load_.reopened();
    return connect();
  }
  load_.failed(due_, what);
  due_.reset();
  after_pause(&Connection::connect);
}

void Connection::after_pause(void (Connection::*next)()) {
  pause_.expires_after(std::chrono::milliseconds(50));
  pause_.async_wait([this, next](error_code ec) {
    if (!ec) (this->*next)();
  });
}

void Connection::ask() { load_.ready(*this); }

void Load::ready(Connection& connection) {
  const auto now = Clock::now();
  if (!open_loop()) {
    if (now >= end_) return;
    ++under_way_;
    return connection.send(now);
  }
  if (backlog_.empty()) {
    connection.waits();
    return idle_.push_back(&connection);
  }
  ++under_way_;
  connection.send(backlog_.front());
  backlog_.pop_front();
}

// Sends what is due by now, then waits for the next; the schedule never moves.
void Load::arrive() {
  const auto at = [&](std::size_t i) {
    return start_ + std::chrono::duration_cast<Clock::duration>(
                        std::chrono::duration<double>(static_cast<double>(i) / options_.rate));
  };
  const auto now = Clock::now();
  for (; at(due_) <= now && at(due_) < end_; ++due_) {
    if (idle_.empty()) {
      backlog_.push_back(at(due_));
      worst_backlog_ = std::max(worst_backlog_, backlog_.size());
      continue;
    }
    Connection* const connection = idle_.back();
    idle_.pop_back();
    ++under_way_;
    connection->send(at(due_));
  }
  if (at(due_) >= end_) return end_when_answered();
  arrivals_.expires_at(at(due_));
  arrivals_.async_wait([this](error_code ec) {
    if (!ec) arrive();
  });
}

void Load::end_when_answered() {
  if (under_way_ == 0 && backlog_.empty()) return io_.stop();
  arrivals_.expires_after(std::chrono::milliseconds(20));
  arrivals_.async_wait([this](error_code ec) {
    if (!ec) end_when_answered();
  });
}

void Load::answered(Clock::time_point due, int status) {
  --under_way_;
  const auto now = Clock::now();
  // A closed loop's answers are counted when they come, as only those make a rate.
  if (!counts(open_loop() ? due : now)) return;
  ++counted_;
  ++statuses_[status];
  const double ms = std::chrono::duration<double, std::milli>(now - due).count();
  (status == 200 ? accepted_ms_ : refused_ms_).push_back(ms);
}

void Load::failed(std::optional<Clock::time_point> due, const std::string& what) {
  if (due) --under_way_;
  if (due && counts(open_loop() ? *due : Clock::now())) ++counted_;
  ++errors_[what];
}

Json Load::run() {
  const auto span = [](double s) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
  };
  start_ = Clock::now();
  begin_ = start_ + span(options_.warmup);
  end_ = begin_ + span(options_.seconds);
  for (int i = 0; i < options_.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(*this));
    connections_.back()->connect();
  }
  marks_.expires_at(begin_);
  marks_.async_wait([this](error_code) {
    cpu_ = -cpu_seconds();
    marks_.expires_at(end_);
    marks_.async_wait([this](error_code) {
      cpu_ += cpu_seconds();
      if (!open_loop()) io_.stop();
    });
  });
  last_.expires_at(end_ + span(options_.drain));
  last_.async_wait([this](error_code) {
    unanswered_ = under_way_ + backlog_.size();
    io_.stop();
  });
  if (open_loop()) arrive();
  io_.run();
  return result();
}

Json Load::result() const {
  Json statuses = Json::object(), errors = Json::object();
  for (const auto& [status, count] : statuses_) statuses[std::to_string(status)] = count;
  for (const auto& [what, count] : errors_) errors[what] = count;
  if (unanswered_ > 0) errors["no answer"] = unanswered_;
  return {{"loop", open_loop() ? "open" : "closed"},
          {"connections", options_.connections},
          {"rate", open_loop() ? Json(options_.rate) : Json()},
          {"seconds", options_.seconds},
          {"photos", requests_.size()},
          {"requests", counted_ + unanswered_},
          {"ok", accepted_ms_.size()},
          {"status", statuses},
          {"errors", errors},
          {"photos_per_second", static_cast<double>(accepted_ms_.size()) / options_.seconds},
          {"accepted_ms", percentiles(accepted_ms_)},
          {"refused_ms", percentiles(refused_ms_)},
          {"worst_backlog", worst_backlog_},
          {"connections_reopened", reopened_},
          {"client_cores", cpu_ / options_.seconds}};
}

}  // namespace
}  // namespace shoplens

int main(int argc, char** argv) {
  try {
    const auto options = shoplens::parse(argc, argv);
    shoplens::Load load(options, shoplens::read_requests(options));
    std::cout << load.run().dump(2) << '\n';
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << '\n';
    return 2;
  }
}
