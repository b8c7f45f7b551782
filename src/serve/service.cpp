// SPDX-License-Identifier: Apache-2.0
#include "serve/service.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/log.h"
#include "serve/proxies.h"
#include "serve/text.h"

namespace shoplens {
namespace {

using Clock = std::chrono::steady_clock;

// A page shows a hundred pictures at once; whole galleries are few, and each is large in memory.
constexpr int kLightThreads = 4, kEditThreads = 2, kPictureThreads = 2, kChangeThreads = 2,
              kLargeThreads = 2;
constexpr std::size_t kLightQueue = 256, kEditQueue = 256, kPictureQueue = 256, kChangeQueue = 32,
                      kLargeQueue = 8;
constexpr std::size_t kMaxClients = 10'000;

std::vector<std::string> parts_of(const std::string& path) {
  HttpRequest request;
  request.target = path;
  parse_target(request);
  return request.segments;
}

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string>& segments,
          Arguments& arguments) {
  if (pattern.size() != segments.size()) return false;
  arguments.clear();
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i].starts_with('{'))
      arguments.push_back(segments[i]);
    else if (pattern[i] != segments[i])
      return false;
  }
  return std::all_of(arguments.begin(), arguments.end(),
                     [](const std::string& a) { return !a.empty(); });
}

// "Shop.Example:8080" is shop.example; "[::1]:8080" is [::1], as is "::1".
std::string host_of(std::string_view host_and_port) {
  const std::size_t bracket = host_and_port.find(']');
  if (bracket == std::string_view::npos &&
      std::count(host_and_port.begin(), host_and_port.end(), ':') > 1)
    return join('[', lower_case(host_and_port), ']');
  const std::size_t colon =
      host_and_port.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return lower_case(host_and_port.substr(0, colon));
}

// For each answer. Photos and pages of other people must not run as anything here.
void add_headers(HttpResponse& response) {
  const auto has = [&](const char* name) {
    return std::any_of(response.headers.begin(), response.headers.end(),
                       [&](const auto& header) { return header.first == name; });
  };
  const bool page = response.type.starts_with("text/html");
  response.headers.emplace_back(
      "Content-Security-Policy",
      page ? "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
             "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
           : "default-src 'none'; frame-ancestors 'none'; sandbox");
  if (page)
    response.headers.emplace_back("Permissions-Policy",
                                  "camera=(self), microphone=(), geolocation=()");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("X-Frame-Options", "DENY");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
  if (!has("Cache-Control")) response.headers.emplace_back("Cache-Control", "no-store");
  const bool may_go_well_later = response.status == 503 || response.status == 504;
  if (may_go_well_later && !has("Retry-After")) response.headers.emplace_back("Retry-After", "1");
}

}  // namespace

Service::Service(std::vector<Route> routes, Metrics& metrics, const ServiceOptions& options)
    : routes_(std::move(routes)),
      metrics_(metrics),
      options_(options),
      network_(options.threads, options.queue),
      light_(kLightThreads, kLightQueue),
      edits_(kEditThreads, kEditQueue),
      pictures_(kPictureThreads, kPictureQueue),
      changes_(kChangeThreads, kChangeQueue),
      large_(kLargeThreads, kLargeQueue) {
  check(options.threads >= 1, "serve: want at least 1 thread, got ", options.threads);
  for (std::string& host : options_.hosts) host = host_of(host);
  for (std::string& page : options_.pages) page = lower_case(page);
  for (const Route& route : routes_) patterns_.push_back(parts_of(route.path));
}

void Service::stop() {
  const std::initializer_list<WorkerPool*> pools{&network_,  &light_,   &edits_,
                                                 &pictures_, &changes_, &large_};
  ending_ = true;
  for (WorkerPool* pool : pools) pool->drop();
  for (WorkerPool* pool : pools) pool->stop();
}

WorkerPool& Service::pool_of(Route::Work work) {
  switch (work) {
    case Route::Work::kNetwork:
      return network_;
    case Route::Work::kEdit:
      return edits_;
    case Route::Work::kPicture:
      return pictures_;
    case Route::Work::kChange:
      return changes_;
    case Route::Work::kLarge:
      return large_;
    case Route::Work::kLight:
    case Route::Work::kInstant:
      break;
  }
  return light_;
}

void Service::set_tokens(std::vector<Token> tokens) {
  const std::lock_guard lock(tokens_lock_);
  options_.tokens = std::move(tokens);
}

Admission Service::admit(const HttpRequest& head) {
  const Match match = [&] {
    try {
      return find(head);
    } catch (const HttpError&) {  // whoever looks for what else there may be
      check_origin(head);         // a foreign page shall not use up the rate of who has it open
      check_rate(owner_of(head.client));
      throw;
    }
  }();
  // What all may see a watchdog may ask for by any name.
  if (match.route->role != Role::kNone) check_origin(head);
  // Here, so that nobody's body is read, nor secret guessed, more often. The page and its parts are
  // many small files, and who asks about the health must be told.
  std::string who;
  try {
    who = authorize(head, match.route->role);
  } catch (const HttpError&) {
    check_rate(owner_of(head.client));
    throw;
  }
  if (match.route->role != Role::kNone) check_rate(who.empty() ? owner_of(head.client) : who);
  return {match.route->max_body, match.route->body_to_a_file};
}

void Service::refused(const HttpRequest& head, HttpResponse& response) {
  // Taken apart again, as it may have been refused for its target.
  HttpRequest asked;
  asked.method = head.method;
  asked.target = head.target;
  const Route* route = nullptr;
  try {
    parse_target(asked);
    route = find(asked).route;
  } catch (const HttpError&) {  // it is for none
  }
  finish(head, route, "", response);
}

void Service::dropped(const char* why) { metrics_.refused(why); }

void Service::handle(HttpRequest request, HttpReply reply) {
  // The request is shared because a job that is not taken must still be answered.
  const auto shared = std::make_shared<HttpRequest>(std::move(request));
  auto match = std::make_shared<Match>();
  auto who = std::make_shared<std::string>();
  const auto respond = [this, shared, match, who, reply = std::move(reply)](HttpResponse response) {
    finish(*shared, match->route, *who, response);
    reply(std::move(response));
  };
  try {
    *match = find(*shared);
    *who = authorize(*shared, match->route->role);
  } catch (const HttpError& e) {
    return respond(to_response(e));
  }
  if (match->route->work == Route::Work::kInstant) return respond(answer(*shared, *match));
  WorkerPool& pool = pool_of(match->route->work);
  pool.submit(
      [this, shared, match, respond] { respond(answer(*shared, *match)); },
      [this, respond] {
        if (ending_)
          return respond(to_response(busy(503, "ending", "server: want to answer, it is ending")));
        metrics_.refused("queue_full");
        respond(to_response(busy(429, "overloaded", "server: want room in its queue, it is full")));
      });
}

Service::Match Service::find(const HttpRequest& request) const {
  std::string allowed;
  Match match{nullptr, {}};
  // HEAD is GET without its body, which the server below leaves out.
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (!fits(patterns_[i], request.segments, match.arguments)) continue;
    if (routes_[i].method == method) {
      match.route = &routes_[i];
      return match;
    }
    allowed += (allowed.empty() ? "" : ", ") + routes_[i].method;
  }
  if (allowed.empty())
    throw HttpError(404, "not_found", "path: want one of the API's, got another",
                    "see /openapi.json");
  HttpError error(405, "method_not_allowed", join("method: want ", allowed, ", got another"),
                  "see /openapi.json");
  error.headers.emplace_back("Allow", allowed);
  throw error;
}

// A page of somebody else's, open in a browser that can reach this server, must not use it: neither
// by sending forms or loading pictures here (Origin, Sec-Fetch-Site) nor by a name that it lets
// point here (Host).
void Service::check_origin(const HttpRequest& request) const {
  const std::string host = host_of(request.header("host"));
  const auto among = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (!options_.hosts.empty() && !among(options_.hosts, host))
    throw HttpError(403, "forbidden", "Host: want a name that this server goes by, got another",
                    "give the name to `shoplens serve --allow-host`");
  const auto foreign = [](const std::string& message) {
    return HttpError(403, "foreign_page", message,
                     "behind a proxy, let it pass Host on, or give the page's host to `shoplens "
                     "serve --allow-host`; pages of other servers are not served");
  };
  // What a browser says of an image or a link too, which have no Origin.
  const std::string& site = request.header("sec-fetch-site");
  if (!site.empty() && site != "same-origin" && site != "none")
    throw foreign("Sec-Fetch-Site: want a page of this server, got another");
  const std::string& origin = request.header("origin");
  if (origin.empty()) return;
  const std::size_t scheme = origin.find("://");
  const std::string page = scheme == std::string::npos ? "" : origin.substr(scheme + 3);
  // A proxy may put its own name for this server into Host.
  if (page.empty() || (page != request.header("host") && !among(options_.pages, lower_case(page))))
    throw foreign("Origin: want a page of this server, got another");
}

std::string Service::authorize(const HttpRequest& request, Role least) const {
  const std::lock_guard lock(tokens_lock_);
  if (least == Role::kNone || !options_.tokens) return "";
  const auto refuse = [](const char* message) {
    HttpError error(401, "unauthorized", message,
                    "send the header Authorization: Bearer TOKEN; `shoplens token` makes one");
    error.headers.emplace_back("WWW-Authenticate", "Bearer");
    return error;
  };
  const std::string& header = request.header("authorization");
  if (header.size() < 7 || lower_case(header.substr(0, 7)) != "bearer ")
    throw refuse("token: want one, got none");
  const auto token =
      find_token(*options_.tokens, std::string(trimmed(std::string_view(header).substr(7))));
  if (!token) throw refuse("token: want one that is known, got another");
  if (token->role < least)
    throw HttpError(
        403, "forbidden",
        join("token: want the role ", to_string(least), ", this one has ", to_string(token->role)),
        "ask with another token");
  return token->name;
}

void Service::check_rate(const std::string& client) {
  if (options_.rate <= 0) return;
  const std::lock_guard lock(rates_lock_);
  const auto now = Clock::now();
  // Whoever has been quiet long enough has a full bucket, as one that is new here. That is looked
  // at once a second at most, as it takes a while.
  if (rates_.size() > kMaxClients && now - rates_swept_ > std::chrono::seconds(1)) {
    rates_swept_ = now;
    std::erase_if(rates_, [&](const auto& entry) {
      return std::chrono::duration<double>(now - entry.second.filled).count() * options_.rate >
             options_.burst;
    });
  }
  Bucket& bucket = rates_.try_emplace(client, Bucket{options_.burst, now}).first->second;
  bucket.tokens = std::min(
      options_.burst,
      bucket.tokens + std::chrono::duration<double>(now - bucket.filled).count() * options_.rate);
  bucket.filled = now;
  if (bucket.tokens < 1) {
    metrics_.refused("rate_limit");
    throw busy(429, "rate_limited", "client: want fewer requests a second");
  }
  bucket.tokens -= 1;
}

HttpResponse Service::answer(const HttpRequest& request, const Match& match) const {
  try {
    return match.route->handler(request, match.arguments);
  } catch (const HttpError& e) {
    if (e.status == 504) metrics_.refused("deadline");
    return to_response(e);
  } catch (const Error& e) {
    // It may name files of the server: for the log alone.
    log_warning("request ", request.id, ": ", e.what());
    if (e.code == ErrorCode::kIo)
      return error_response(
          503, "storage", "gallery: want to read or keep it, the disk says no",
          join("nothing was changed; the server's log says why at request ", request.id));
    return internal_error(request.id);
  } catch (const std::exception& e) {
    log_line(LogLevel::kError, join("request ", request.id, ": ", e.what()));
    return internal_error(request.id);
  }
}

void Service::finish(const HttpRequest& request, const Route* route, const std::string& who,
                     HttpResponse& response) {
  add_headers(response);
  const double seconds = std::chrono::duration<double>(Clock::now() - request.arrived).count();
  metrics_.request(route ? join(route->method, ' ', route->path) : "none", response.status,
                   seconds);
  const nlohmann::ordered_json line{
      {"time", utc_now()},
      {"request", request.id},
      {"client", request.client},
      {"token", who},
      {"method", request.method},
      {"target", request.target.substr(0, 200)},
      {"status", response.status},
      {"sent", response.file ? response.file->size() : response.body.size()},
      {"received", request.file ? request.file->size() : request.body.size()},
      {"ms", std::round(seconds * 1e5) / 100}};
  log_info(line.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
}

}  // namespace shoplens
