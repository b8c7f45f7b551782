// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "serve/api.h"
#include "serve/worker_pool.h"

namespace shoplens {

struct ServiceOptions {
  int threads = 16;             // that read and decode photos, or wait for the network with them
  std::size_t queue = 16;       // requests that may wait for one of them; one more is answered 429
  double rate = 0, burst = 20;  // requests a second of one client, and at once; 0: no limit
  // Who may what; none: everyone who may connect is an admin. An empty list refuses everyone.
  std::optional<std::vector<Token>> tokens{};
  std::vector<std::string> hosts{};  // names that Host may have, with any port; empty: any
  std::vector<std::string> pages{};  // where, beside at Host, its pages are: "shop.example[:port]"
};

/// Between the network and the API: finds the route, asks who it is, keeps order among many
/// requests, turns whatever goes wrong into an answer, and tells the log and the metrics.
class Service final : public HttpApplication {
 public:
  Service(std::vector<Route> routes, Metrics& metrics, const ServiceOptions& options);

  Admission admit(const HttpRequest& head) override;
  void handle(HttpRequest request, HttpReply reply) override;
  void refused(const HttpRequest& head, HttpResponse& response) override;
  void dropped(const char* why) override;

  /// Waits for what is being worked on, and drops the rest. To be called after the server has
  /// stopped: whoever still waits is gone.
  void stop();

  void set_tokens(std::vector<Token> tokens);
  std::size_t waiting() const { return network_.waiting(); }

 private:
  struct Match {
    const Route* route = nullptr;
    Arguments arguments{};
  };
  Match find(const HttpRequest& request) const;
  void check_origin(const HttpRequest& request) const;
  std::string authorize(const HttpRequest& request, Role least) const;  // the token's name
  void check_rate(const std::string& client);
  HttpResponse answer(const HttpRequest& request, const Match& match) const;
  WorkerPool& pool_of(Route::Work work);
  // What is done to every answer.
  void finish(const HttpRequest& request, const Route* route, const std::string& who,
              HttpResponse& response);

  std::vector<Route> routes_;
  std::vector<std::vector<std::string>> patterns_;  // [routes], the paths' parts
  Metrics& metrics_;
  ServiceOptions options_;
  mutable std::mutex tokens_lock_;

  struct Bucket {
    double tokens;
    std::chrono::steady_clock::time_point filled;
  };
  std::mutex rates_lock_;
  std::map<std::string, Bucket> rates_;
  std::chrono::steady_clock::time_point rates_swept_{};

  std::atomic<bool> ending_{false};
  WorkerPool network_, light_, edits_, pictures_, changes_, large_;
};

}  // namespace shoplens
