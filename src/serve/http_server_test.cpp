// SPDX-License-Identifier: Apache-2.0
#include "serve/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

namespace shoplens {
namespace {

using namespace std::chrono_literals;

// A client that sends bytes as they are.
class Client {
 public:
  explicit Client(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    const timeval limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  /// Until `count` answers ended with `end`, or the server closed.
  std::string read_until(const std::string& end, int count = 1) const {
    std::string all;
    char buffer[4096];
    while (true) {
      std::size_t at = 0;
      int found = 0;
      while ((at = all.find(end, at)) != std::string::npos) ++found, at += end.size();
      if (found >= count) return all;
      const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) return all;
      all.append(buffer, static_cast<std::size_t>(n));
    }
  }
  std::string read_all() const { return read_until("\x01never"); }
  std::size_t read_some(std::size_t most) const {
    std::string some(most, ' ');
    const auto n = ::recv(fd_, some.data(), most, MSG_WAITALL);
    return n < 0 ? 0 : static_cast<std::size_t>(n);
  }

 private:
  int fd_;
  bool connected_;
};

HttpServerOptions options() {
  HttpServerOptions options;
  options.port = 0;
  options.max_header = 2000;
  return options;
}

// Takes bodies of 1000 bytes, of files of 3 MB, refuses /closed and fails at /broken. Says what it
// was asked unless it has another handler.
class Application final : public HttpApplication {
 public:
  Application() = default;
  explicit Application(std::function<void(HttpRequest, HttpReply)> handler)
      : handler_(std::move(handler)) {}

  Admission admit(const HttpRequest& head) override {
    if (head.segments == std::vector<std::string>{"closed"})
      throw HttpError(403, "forbidden", "path: want another");
    if (head.segments == std::vector<std::string>{"broken"}) throw std::runtime_error("/a/secret");
    const bool file = head.segments == std::vector<std::string>{"file"};
    return {file ? 3'000'000u : 1000u, file};
  }
  void dropped(const char* why) override {
    ++(std::string_view(why) == "timeout" ? timeouts : refused_connections);
  }
  void handle(HttpRequest request, HttpReply reply) override {
    if (handler_) return handler_(std::move(request), std::move(reply));
    std::string path;
    for (const std::string& segment : request.segments) path += "/" + segment;
    reply({200,
           "text/plain",
           request.method + path + "[" + request.body + "]",
           {{"X-Client", request.client}}});
  }
  void refused(const HttpRequest&, HttpResponse& response) override {
    response.headers.emplace_back("X-Refused", "yes");
  }

  std::atomic<int> refused_connections{0}, timeouts{0};

 private:
  std::function<void(HttpRequest, HttpReply)> handler_;
};

Application echo;

std::string once(int port, const std::string& bytes) {
  const Client client(port);
  client.send(bytes);
  return client.read_all();
}

TEST(HttpServer, AnswersAndKeepsTheConnection) {
  const HttpServer server(options(), echo);
  const Client client(server.port());
  client.send("GET /a%20b HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string first = client.read_until("[]");
  EXPECT_EQ(first.find("HTTP/1.1 200 OK\r\n"), 0u);
  EXPECT_NE(first.find("X-Client: 127.0.0.1"), std::string::npos);
  EXPECT_NE(first.find("GET/a b[]"), std::string::npos);
  client.send("POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_NE(client.read_until("]").find("POST/c[body]"), std::string::npos);
  client.send(
      "POST /d HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  EXPECT_NE(client.read_until("]").find("POST/d[abc]"), std::string::npos);
}

TEST(HttpServer, TakesRequestsThatComeAtOnce) {
  const HttpServer server(options(), echo);
  const Client client(server.port());
  client.send(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 "
      "HTTP/1.1\r\nHost: x\r\n"
      "Connection: close\r\n\r\n");
  const std::string all = client.read_all();
  EXPECT_LT(all.find("GET/1[]"), all.find("GET/2[]"));
  EXPECT_LT(all.find("GET/2[]"), all.find("GET/3[]"));
  EXPECT_NE(all.find("GET/3[]"), std::string::npos);
}

TEST(HttpServer, ARefusalBeforeTheBodyKeepsTheConnectionIfThereIsNone) {
  const HttpServer server(options(), echo);
  const Client client(server.port());
  client.send("GET /closed HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string refused = client.read_until("}}");
  EXPECT_EQ(refused.find("HTTP/1.1 403"), 0u);
  EXPECT_NE(refused.find("X-Refused: yes"), std::string::npos);
  client.send("GET /open HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(client.read_until("[]").find("GET/open[]"), std::string::npos);
  // With a body on its way it is closed, and none of it is waited for.
  const std::string answer =
      once(server.port(), "POST /closed HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nab");
  EXPECT_EQ(answer.find("HTTP/1.1 403"), 0u);
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

TEST(HttpServer, AFaultOfTheApplicationEndsNoServer) {
  Application application([](const HttpRequest& request, const HttpReply& reply) {
    if (request.method == "POST") throw std::runtime_error("/a/secret");
    reply({200, "text/plain", "fine", {}});
  });
  const HttpServer server(options(), application);
  for (int i = 0; i < 3; ++i) {
    const std::string answer = once(server.port(), "GET /broken HTTP/1.0\r\n\r\n");
    EXPECT_EQ(answer.find("HTTP/1.0 500"), 0u) << answer;
    EXPECT_NE(answer.find("\"hint\":\""), std::string::npos);
    EXPECT_EQ(answer.find("secret"), std::string::npos);
    // Of one that has been taken nobody knows whether it is answered yet.
    EXPECT_EQ(once(server.port(), "POST /a HTTP/1.0\r\nContent-Length: 1\r\n\r\nx"), "");
    EXPECT_NE(once(server.port(), "GET /a HTTP/1.0\r\n\r\n").find("fine"), std::string::npos);
  }
}

TEST(HttpServer, HeadHasNoBody) {
  const HttpServer server(options(), echo);
  const std::string answer =
      once(server.port(), "HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 8\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST(HttpServer, ARequestIdIsPassedOnIfItIsSound) {
  const HttpServer server(options(), echo);
  EXPECT_NE(once(server.port(), "GET / HTTP/1.0\r\nX-Request-Id: abc-1\r\n\r\n")
                .find("X-Request-Id: abc-1\r\n"),
            std::string::npos);
  EXPECT_EQ(once(server.port(), "GET / HTTP/1.0\r\nX-Request-Id: a\"b\r\n\r\n").find("a\"b"),
            std::string::npos);
}

TEST(HttpServer, WhatIsNoRequestIsToldSo) {
  const HttpServer server(options(), echo);
  const std::pair<std::string, const char*> cases[] = {
      {"nonsense\r\n\r\n", "400"},
      {"GET / HTTP/3.7\r\n\r\n", "400"},
      {"GET no/slash HTTP/1.1\r\nConnection: close\r\n\r\n", "400"},
      {"GET /%zz HTTP/1.1\r\nConnection: close\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nBad Name: x\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "400"},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
      {"POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", "413"},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x') +
           "\r\n0\r\n\r\n",
       "413"},
      {"GET / HTTP/1.1\r\nX: " + std::string(2000, 'x') + "\r\n\r\n", "431"}};
  for (const auto& [bytes, status] : cases) {
    const std::string answer = once(server.port(), bytes);
    EXPECT_EQ(answer.find(std::string("HTTP/1.1 ") + status), 0u) << bytes.substr(0, 80) << answer;
    EXPECT_NE(answer.find("{\"error\":{\"code\":"), std::string::npos);
    EXPECT_NE(answer.find("\"hint\":\""), std::string::npos);
  }
  EXPECT_EQ(once(server.port(), "GET / HTTP/1.0\r\n\r\n").find("HTTP/1.0 200"),
            0u);  // it is there still
}

TEST(HttpServer, ABodyWithoutAnEndIsNoSecondRequest) {
  const HttpServer server(options(), echo);
  for (const char* coding : {"gzip", "xchunked", "identity", "chunked, gzip", "gzip, chunked", "",
                             "chunked\r\nTransfer-Encoding: gzip"}) {
    const std::string answer =
        once(server.port(), std::string("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: ") +
                                coding + "\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(answer.find("HTTP/1.1 400"), 0u) << coding << answer;
    EXPECT_NE(answer.find("Connection: close"), std::string::npos) << coding;
    EXPECT_EQ(answer.find("HTTP/1.1 ", 1), std::string::npos) << coding << answer;
  }
  EXPECT_NE(once(server.port(),
                 "POST /a HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: Chunked\r\n\r\n"
                 "1\r\nx\r\n0\r\n\r\n")
                .find("POST/a[x]"),
            std::string::npos);
}

TEST(HttpServer, AClientThatExpectsMayContinue) {
  const HttpServer server(options(), echo);
  const Client client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_NE(client.read_until("]").find("POST[ok]"), std::string::npos);
}

TEST(HttpServer, ARequestIsReceivedWhenItsBodyIsHere) {
  std::promise<std::pair<std::chrono::milliseconds, std::chrono::milliseconds>> told;
  Application application([&](const HttpRequest& request, const HttpReply& reply) {
    using std::chrono::duration_cast;
    const auto now = std::chrono::steady_clock::now();
    told.set_value({duration_cast<std::chrono::milliseconds>(request.received - request.arrived),
                    duration_cast<std::chrono::milliseconds>(now - request.received)});
    reply({200, "text/plain", "", {}});
  });
  const HttpServer server(options(), application);
  const Client client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na");
  std::this_thread::sleep_for(300ms);
  client.send("b");
  const auto [upload, since] = told.get_future().get();
  EXPECT_GE(upload, 250ms);
  EXPECT_LT(since, 250ms);
}

TEST(HttpServer, AClientThatDribblesIsLeft) {
  HttpServerOptions impatient = options();
  impatient.header_timeout = impatient.body_timeout = impatient.idle_timeout = 1s;
  Application application;
  const HttpServer server(impatient, application);
  const Client header(server.port()), body(server.port()), silent(server.port());
  body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 8; ++i) {  // a byte now and then keeps nobody waiting longer
    header.send(i == 0 ? "G" : "E");
    body.send("x");
    std::this_thread::sleep_for(200ms);
  }
  EXPECT_EQ(header.read_all(), "");
  EXPECT_EQ(body.read_all(), "");
  EXPECT_EQ(silent.read_all(), "");
  EXPECT_EQ(application.timeouts, 2) << "one that asks nothing is not one";
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST(HttpServer, ALargeBodyAndAnswerMayTakeLongWhileTheyMove) {
  HttpServerOptions impatient = options();
  impatient.body_timeout = impatient.write_timeout = 2s;
  impatient.least_rate = 250;
  Application application([](const HttpRequest& request, const HttpReply& reply) {
    reply({200, "text/plain", std::string(request.body.empty() ? 0 : 80u << 20, 'x') + "end", {}});
  });
  const HttpServer server(impatient, application);
  const Client client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n");
  for (int i = 0; i < 15; ++i) {
    std::this_thread::sleep_for(200ms);
    client.send(std::string(60, 'x'));
  }
  std::size_t read = 0;
  for (int i = 0; i < 4; ++i) {  // 3.2 seconds for the answer, which does not fit the sockets
    std::this_thread::sleep_for(800ms);
    read += client.read_some(16u << 20);
  }
  EXPECT_EQ(read, 64u << 20);
  EXPECT_TRUE(client.read_until("end").ends_with("end"));
}

TEST(HttpServer, AClientThatStallsIsLeftHoweverMuchItSent) {
  HttpServerOptions impatient = options();
  impatient.body_timeout = impatient.write_timeout = 1s;
  impatient.least_rate = 10;
  Application application([](const HttpRequest& request, const HttpReply& reply) {
    reply({200, "text/plain", std::string(request.body.empty() ? 80u << 20 : 0, 'x') + "end", {}});
  });
  const HttpServer server(impatient, application);
  const Client body(server.port()), answer(server.port());
  const auto begin = std::chrono::steady_clock::now();
  body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n" +
            std::string(800, 'x'));  // which would earn 80 seconds
  answer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(body.read_all(), "");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 8s);
  std::this_thread::sleep_for(begin + 4s - std::chrono::steady_clock::now());
  EXPECT_EQ(application.timeouts, 1);  // counted a moment after the connection is closed
  EXPECT_FALSE(answer.read_all().ends_with("end"));
}

TEST(HttpServer, BodiesMayBeFiles) {
  std::weak_ptr<const PrivateFile> sent;
  Application application([&](const HttpRequest& request, const HttpReply& reply) {
    sent = request.file;
    reply({200, "text/plain", request.body, {}, request.file});
  });
  const HttpServer server(options(), application);
  const Client client(server.port());
  for (const std::size_t size : {990, 990, 256 << 10, 2'900'000}) {  // the last in many pieces
    std::string text(size, 'x');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * i % 23);
    const std::string length = "Content-Length: " + std::to_string(size + 3) + "\r\n";
    client.send("POST /file HTTP/1.1\r\nHost: x\r\n" + length + "\r\n" + text + "end");
    const std::string answer = client.read_until("end");
    EXPECT_NE(answer.find(length), std::string::npos) << size;
    EXPECT_TRUE(answer.ends_with("\r\n\r\n" + text + "end")) << size;
  }
  client.send("HEAD /file HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.read_until("\r\n\r\n").ends_with("\r\n\r\n"));
  EXPECT_NE(once(server.port(),
                 "POST /file HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                 "3\r\nabc\r\n0\r\n\r\n")
                .find("\r\n\r\nabc"),
            std::string::npos);
  EXPECT_EQ(once(server.port(), "POST /file HTTP/1.1\r\nContent-Length: 3000001\r\n\r\n")
                .find("HTTP/1.1 413"),
            0u);
  for (int i = 0; i < 100 && !sent.expired(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(sent.expired());
}

TEST(HttpServer, NoMoreConnectionsThanItMay) {
  HttpServerOptions few = options();
  few.max_connections_per_client = 3;
  Application application;
  const HttpServer server(few, application);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<Client>(server.port()));
    clients.back()->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_NE(clients.back()->read_until("[]"), "");
  }
  EXPECT_EQ(server.connections(), 3);
  EXPECT_EQ(once(server.port(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "");
  EXPECT_EQ(application.refused_connections, 1);
  clients.pop_back();
  for (int i = 0; i < 100 && server.connections() > 2; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_NE(once(server.port(), "GET / HTTP/1.0\r\n\r\n"), "");
}

TEST(HttpServer, BodiesShareAMemory) {
  HttpServerOptions tight = options();
  tight.max_bodies = 1500;
  const HttpServer server(tight, echo);
  const Client slow(server.port());
  const auto begin = [&](const char* length) {
    return join("POST / HTTP/1.1\r\nHost: x\r\n", length, "\r\n\r\n");
  };
  slow.send(begin("Content-Length: 1000") + std::string(900, 'x'));
  for (int i = 0; i < 100 && server.connections() < 1; ++i) std::this_thread::sleep_for(10ms);
  std::this_thread::sleep_for(50ms);
  for (const std::string& body :
       {begin("Content-Length: 1000") + std::string(700, 'x'),
        begin("Transfer-Encoding: chunked") + "2bc\r\n" + std::string(700, 'x') + "\r\n"}) {
    const std::string refused = once(server.port(), body);
    EXPECT_EQ(refused.find("HTTP/1.1 503"), 0u) << body.substr(0, 80) << refused;
    EXPECT_NE(refused.find("Retry-After: 1"), std::string::npos);
  }
  slow.send(std::string(100, 'x'));
  EXPECT_EQ(slow.read_until("]").find("HTTP/1.1 200"), 0u);
  EXPECT_NE(once(server.port(), "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nok").find("200"),
            std::string::npos);
}

TEST(HttpServer, BodiesThatAreAnnouncedAndDoNotComeTakeNoneOfIt) {
  HttpServerOptions tight = options();
  tight.max_bodies = 1500;
  const HttpServer server(tight, echo);
  std::vector<std::unique_ptr<Client>> slow;
  for (const char* length : {"Content-Length: 1000", "Transfer-Encoding: chunked"})
    for (int i = 0; i < 20; ++i) {
      slow.push_back(std::make_unique<Client>(server.port()));
      slow.back()->send(join("POST / HTTP/1.1\r\nHost: x\r\n", length, "\r\n\r\n"));
    }
  for (int i = 0; i < 100 && server.connections() < 40; ++i) std::this_thread::sleep_for(10ms);
  std::this_thread::sleep_for(50ms);
  const std::string answer = once(
      server.port(), "POST / HTTP/1.0\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x'));
  EXPECT_EQ(answer.find("HTTP/1.0 200"), 0u) << answer;
}

TEST(HttpServer, AnswersThatNobodyReadsShareItToo) {
  HttpServerOptions tight = options();
  tight.max_bodies = 100u << 20;
  Application application([](const HttpRequest& request, const HttpReply& reply) {
    const std::size_t bytes = request.segments.empty() ? 10 : 60u << 20;  // no socket takes so much
    reply({200, "text/plain", std::string(bytes, 'x')});
  });
  HttpServer server(tight, application);
  {
    const Client first(server.port());
    first.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(first.read_until("\r\n\r\n").find("HTTP/1.1 200"), 0u);
    const std::string refused = once(server.port(), "GET /large HTTP/1.0\r\n\r\n");
    EXPECT_EQ(refused.find("HTTP/1.0 503"), 0u) << refused.substr(0, 100);
    EXPECT_NE(refused.find("Retry-After: 1"), std::string::npos);
    EXPECT_NE(once(server.port(), "GET / HTTP/1.0\r\n\r\n").find("200 OK"), std::string::npos);
  }
  bool taken = false;  // once it is noticed that the first is gone
  for (int i = 0; i < 100 && !taken; ++i) {
    const Client after(server.port());
    after.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    taken = after.read_until("\r\n\r\n").find("HTTP/1.1 200") == 0;
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_TRUE(taken);
  server.stop(1s);
}

TEST(HttpServer, StopsWhenWhatWasBegunIsAnswered) {
  std::promise<void> begun;
  HttpReply later;
  Application application([&](const HttpRequest&, HttpReply reply) {
    later = std::move(reply);
    begun.set_value();
  });
  HttpServer server(options(), application);
  const Client busy(server.port()), idle(server.port());
  busy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  begun.get_future().wait();
  const int port = server.port();
  std::thread answer([&] {
    EXPECT_EQ(idle.read_all(), "");                       // let go at once
    EXPECT_EQ(once(port, "GET / HTTP/1.0\r\n\r\n"), "");  // nobody new
    later({200, "text/plain", "late", {}});
    later = {};
  });
  EXPECT_TRUE(server.stop(10s));
  answer.join();
  const std::string got = busy.read_all();
  EXPECT_TRUE(got.ends_with("late")) << got;
  EXPECT_NE(got.find("Connection: close"), std::string::npos);
}

TEST(HttpServer, StopsAllTheSameWhenNobodyAnswers) {
  std::promise<void> begun;
  HttpReply never;
  Application application([&](const HttpRequest&, HttpReply reply) {
    never = std::move(reply);
    begun.set_value();
  });
  HttpServer server(options(), application);
  const Client client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  begun.get_future().wait();
  EXPECT_FALSE(server.stop(50ms));
}

TEST(HttpServer, SaysWhyItCannotListen) {
  const HttpServer server(options(), echo);
  HttpServerOptions taken = options();
  taken.port = server.port();
  EXPECT_THROW(HttpServer(taken, echo), Error);
  taken.host = "no.address";
  EXPECT_THROW(HttpServer(taken, echo), Error);
  taken = options();
  taken.certificate = taken.key = "/absent.pem";
  EXPECT_THROW(HttpServer(taken, echo), Error);
}

}  // namespace
}  // namespace shoplens
