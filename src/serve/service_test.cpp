// SPDX-License-Identifier: Apache-2.0
#include "serve/service.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "core/hash.h"

namespace shoplens {
namespace {

using enum Role;
using Work = Route::Work;

HttpRequest request(const std::string& method, const std::string& target,
                    std::map<std::string, std::string> headers = {}) {
  HttpRequest request;
  request.method = method;
  request.target = target;
  request.headers = std::move(headers);
  request.client = "10.0.0.1";
  request.id = "id";
  request.arrived = std::chrono::steady_clock::now();
  parse_target(request);
  return request;
}

std::vector<Route> routes() {
  const auto say = [](const char* what) {
    return [what](const HttpRequest&, const Arguments& arguments) {
      std::string text = what;
      for (const std::string& argument : arguments) text += ":" + argument;
      return HttpResponse{200, "text/plain", text};
    };
  };
  return {{"GET", "/", kNone, Work::kLight, say("page")},
          {"GET", "/things/{id}", kRead, Work::kLight, say("thing")},
          {"DELETE", "/things/{id}", kWrite, Work::kLight, say("gone"), 7},
          {"GET", "/fails", kNone, Work::kLight,
           [](const HttpRequest&, const Arguments&) -> HttpResponse {
             throw std::runtime_error("/secret/path");
           }},
          {"GET", "/disk", kNone, Work::kLight,
           [](const HttpRequest&, const Arguments&) -> HttpResponse {
             throw Error(ErrorCode::kIo, "/secret/path is full");
           }}};
}

class ServiceTest : public testing::Test {
 protected:
  HttpResponse ask(Service& service, HttpRequest asked) {
    std::promise<HttpResponse> answer;
    service.handle(std::move(asked),
                   [&](HttpResponse response) { answer.set_value(std::move(response)); });
    return answer.get_future().get();
  }
  static int status_of_admission(Service& service, const HttpRequest& head) {
    try {
      service.admit(head);
      return 0;
    } catch (const HttpError& e) {
      return e.status;
    }
  }
  Metrics metrics;
};

TEST_F(ServiceTest, FindsTheRouteAndItsArguments) {
  Service service(routes(), metrics, {});
  EXPECT_EQ(ask(service, request("GET", "/")).body, "page");
  EXPECT_EQ(ask(service, request("GET", "/things/a%2Fb")).body, "thing:a/b");
  EXPECT_EQ(ask(service, request("HEAD", "/things/7")).body, "thing:7");
  EXPECT_EQ(ask(service, request("GET", "/things/")).status, 404);
  EXPECT_EQ(ask(service, request("GET", "/things/7/more")).status, 404);
  const HttpResponse wrong = ask(service, request("PUT", "/things/7"));
  EXPECT_EQ(wrong.status, 405);
  const std::pair<std::string, std::string> allow{"Allow", "GET, DELETE"};
  EXPECT_EQ(std::count(wrong.headers.begin(), wrong.headers.end(), allow), 1);
  EXPECT_EQ(service.admit(request("DELETE", "/things/7")).max_body, 7u);
}

TEST_F(ServiceTest, AsksForTheRole) {
  ServiceOptions options;
  options.tokens = {{{"reader", kRead, sha256_hex("r")}, {"writer", kWrite, sha256_hex("w")}}};
  Service service(routes(), metrics, options);
  const auto with = [](const std::string& token) {
    return std::map<std::string, std::string>{{"authorization", "Bearer " + token}};
  };
  EXPECT_EQ(status_of_admission(service, request("GET", "/")), 0);
  EXPECT_EQ(status_of_admission(service, request("GET", "/things/7")), 401);
  EXPECT_EQ(status_of_admission(service, request("GET", "/things/7", with("x"))), 401);
  EXPECT_EQ(status_of_admission(service, request("GET", "/things/7", with("r"))), 0);
  EXPECT_EQ(status_of_admission(service, request("DELETE", "/things/7", with("r"))), 403);
  EXPECT_EQ(status_of_admission(service, request("DELETE", "/things/7", with("w"))), 0);
  // Asked again, as tokens may have changed while the body came.
  service.set_tokens({{"reader", kRead, sha256_hex("new")}});
  EXPECT_EQ(ask(service, request("GET", "/things/7", with("r"))).status, 401);
  EXPECT_EQ(ask(service, request("GET", "/things/7", with("new"))).status, 200);
}

TEST_F(ServiceTest, RevokingTheLastTokenOpensItToNobody) {
  ServiceOptions options;
  options.tokens = {{{"reader", kRead, sha256_hex("r")}}};
  Service service(routes(), metrics, options);
  service.set_tokens({});
  EXPECT_EQ(ask(service, request("GET", "/things/7")).status, 401);
  EXPECT_EQ(ask(service, request("GET", "/things/7", {{"authorization", "Bearer r"}})).status, 401);
  EXPECT_EQ(ask(service, request("GET", "/")).status, 200);
}

TEST_F(ServiceTest, OnlyItsOwnNamesAndPages) {
  ServiceOptions options;
  options.hosts = {"localhost", "[::1]", "Shop.Example", "other.example:8443", "2001:DB8::1"};
  options.pages = {"Shop.Example", "other.example:8443"};
  Service service(routes(), metrics, options);
  const auto status = [&](const std::string& host, const std::string& origin) {
    return status_of_admission(service,
                               request("GET", "/things/7", {{"host", host}, {"origin", origin}}));
  };
  EXPECT_EQ(status("localhost:8080", ""), 0);
  EXPECT_EQ(status("[::1]:8080", "http://[::1]:8080"), 0);
  EXPECT_EQ(status("LOCALHOST", "https://LOCALHOST"), 0);
  EXPECT_EQ(status("shop.example", ""), 0);
  EXPECT_EQ(status("SHOP.example:443", ""), 0);
  EXPECT_EQ(status("other.example", ""), 0);
  EXPECT_EQ(status("other.example:8443", ""), 0);
  EXPECT_EQ(status("[2001:db8::1]:8080", ""), 0);
  EXPECT_EQ(status("evil.example", ""), 403);
  EXPECT_EQ(status("localhost:8080", "http://localhost:9090"), 403);
  EXPECT_EQ(status("localhost:8080", "http://localhost"), 403);
  EXPECT_EQ(status("localhost:8080", "null"), 403);
  // Behind a proxy that puts its own name for the server into Host.
  EXPECT_EQ(status("localhost:8080", "https://SHOP.example"), 0);
  EXPECT_EQ(status("localhost:8080", "https://other.example:8443"), 0);
  EXPECT_EQ(status("localhost:8080", "https://other.example"), 403);
  EXPECT_EQ(status("localhost:8080", "https://shop.example:8443"), 403);
  EXPECT_EQ(status("", ""), 403);
  // What all may see is told to whoever asks.
  EXPECT_EQ(status_of_admission(service, request("GET", "/", {{"host", "10.0.0.1"}})), 0);
}

TEST_F(ServiceTest, NoKindOfWorkWaitsForAnother) {
  std::promise<void> end;
  const auto ended = end.get_future().share();
  std::vector<Route> kinds;
  for (const auto& [path, work] : {std::pair{"/light", Work::kLight},
                                   {"/picture", Work::kPicture},
                                   {"/network", Work::kNetwork},
                                   {"/large", Work::kLarge}})
    kinds.push_back({"GET", path, kRead, work, [ended](const HttpRequest& r, const Arguments&) {
                       if (r.query.contains("slow")) ended.wait();
                       return HttpResponse{200, "text/plain", "done"};
                     }});
  kinds.push_back({"GET", "/instant", kNone, Work::kInstant,
                   [thread = std::this_thread::get_id()](const HttpRequest&, const Arguments&) {
                     const bool here = std::this_thread::get_id() == thread;
                     return HttpResponse{200, "text/plain", here ? "here" : "elsewhere"};
                   }});
  ServiceOptions options;
  options.threads = 1;
  Service service(kinds, metrics, options);
  std::atomic<int> answered{0};
  for (const Route& slow : kinds) {
    if (slow.work == Work::kInstant) continue;
    // More than it has threads, and its queue full.
    for (int i = 0; i < 400; ++i)
      service.handle(request("GET", slow.path + "?slow"), [&](const HttpResponse&) { ++answered; });
    EXPECT_EQ(ask(service, request("GET", "/instant")).body, "here");
    for (const Route& other : kinds)
      if (other.work > slow.work) {
        EXPECT_EQ(ask(service, request("GET", other.path)).body, "done");
      }
  }
  end.set_value();
  service.stop();
  EXPECT_EQ(answered, 1600);
}

TEST_F(ServiceTest, ARefusalIsCountedWhereItWasAskedFor) {
  Service service(routes(), metrics, {});
  const auto refuse = [&](const std::string& method, const std::string& target, int status) {
    HttpRequest head;  // as the server has it when the target could not be parsed
    head.method = method;
    head.target = target;
    head.arrived = std::chrono::steady_clock::now();
    HttpResponse response;
    response.status = status;
    service.refused(head, response);
  };
  refuse("DELETE", "/things/7", 413);
  refuse("GET", "/things/7", 401);
  refuse("PUT", "/things/7", 405);
  refuse("GET", "/nothing", 404);
  refuse("GET", "/%zz", 400);
  refuse("", "", 400);
  const std::string text = metrics.text({}, {});
  for (const char* line : {R"(shoplens_requests_total{route="DELETE /things/{id}",status="413"} 1)",
                           R"(shoplens_requests_total{route="GET /things/{id}",status="401"} 1)",
                           R"(shoplens_requests_total{route="none",status="405"} 1)",
                           R"(shoplens_requests_total{route="none",status="404"} 1)",
                           R"(shoplens_requests_total{route="none",status="400"} 2)"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
}

TEST_F(ServiceTest, TellsNoSecretsOfItsOwnFaults) {
  Service service(routes(), metrics, {});
  const HttpResponse fault = ask(service, request("GET", "/fails"));
  EXPECT_EQ(fault.status, 500);
  EXPECT_EQ(fault.body.find("secret"), std::string::npos);
  const HttpResponse disk = ask(service, request("GET", "/disk"));
  EXPECT_EQ(disk.status, 503);
  EXPECT_EQ(disk.body.find("secret"), std::string::npos);
}

TEST_F(ServiceTest, ARateIsOfOneClient) {
  ServiceOptions options;
  options.rate = 0.001;
  options.burst = 2;
  options.tokens = {{{"reader", kRead, sha256_hex("r")}}};
  Service service(routes(), metrics, options);
  const HttpRequest named =
      request("GET", "/things/1", {{"authorization", "Bearer r"}});  // by its token
  EXPECT_EQ(status_of_admission(service, named), 0);
  EXPECT_EQ(status_of_admission(service, named), 0);
  EXPECT_EQ(status_of_admission(service, named), 429);
  HttpRequest guess = request("GET", "/things/1", {{"authorization", "Bearer x"}});
  EXPECT_EQ(status_of_admission(service, guess), 401);  // by its address
  EXPECT_EQ(status_of_admission(service, guess), 401);
  EXPECT_EQ(status_of_admission(service, guess), 429);
  guess.client = "10.0.0.2";
  EXPECT_EQ(status_of_admission(service, guess), 401);
  // So is who looks for what is not there, whatever the token.
  for (HttpRequest lost :
       {request("GET", "/nothing", {{"authorization", "Bearer r"}}), request("PUT", "/things/1")}) {
    lost.client = lost.method == "GET" ? "10.0.0.3" : "10.0.0.4";
    const int told = lost.method == "GET" ? 404 : 405;
    EXPECT_EQ(status_of_admission(service, lost), told);
    EXPECT_EQ(status_of_admission(service, lost), told);
    EXPECT_EQ(status_of_admission(service, lost), 429);
  }
  HttpRequest foreign = request("GET", "/nothing", {{"origin", "http://other.example"}});
  foreign.client = "10.0.0.5";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(status_of_admission(service, foreign), 403);
  // What is open to all is not counted.
  EXPECT_EQ(status_of_admission(service, request("GET", "/")), 0);
}

}  // namespace
}  // namespace shoplens
