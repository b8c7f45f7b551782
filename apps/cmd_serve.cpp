// SPDX-License-Identifier: Apache-2.0
// serve and token: the recogniser as a service, and who may use it.
#include <pthread.h>
#include <signal.h>

#include <filesystem>
#include <limits>

#include "apps/commands.h"
#include "apps/embedding.h"
#include "core/log.h"
#include "core/threads.h"
#include "serve/http_server.h"
#include "serve/service.h"

namespace shoplens {
namespace {

struct ServeOptions {
  std::string gallery = "gallery.db", host = "127.0.0.1", tokens, certificate, key;
  std::vector<std::string> allow_host, trusted_proxy, model;
  int port = 8080, top = 5, max_photos = 16, max_body_mb = 32, max_upload_mb = 256,
      max_restore_mb = 16384, max_megapixels = 50, max_connections = 1024,
      max_connections_per_client = 256, workers = 0, queue = 0, max_batch = 0, keep_unknown = 200,
      threads = 0, drain = 30;
  double max_wait_ms = 2, deadline = 10, rate = 0, burst = 20;
  bool insecure = false;
  std::string precision = "auto", device = "CPU";

  template <class V>
  void visit(V& v) {
    v(gallery, "gallery", "gallery.db made by `shoplens index build`");
    v(host, "host", "address to listen on; another than loopback wants --tokens");
    v(port, "port", "port to listen on; 0: any that is free");
    v(tokens, "tokens",
      "file of tokens written by `shoplens token`; none: whoever may connect may all");
    v(insecure, "insecure", "listen on other addresses, or behind a proxy, without tokens");
    v(allow_host, "allow-host",
      "name that the Host header may have, beside the address's own; repeat it; behind a proxy, "
      "the proxy's");
    v(trusted_proxy, "trusted-proxy",
      "address or network (10.0.0.0/8) of a proxy whose X-Forwarded-For says who asks; repeat it");
    v(certificate, "certificate", "PEM file with the certificate chain, for TLS");
    v(key, "key", "PEM file with the certificate's key, which has no password");
    v(top, "top", "nearest gallery photos in an answer");
    v(max_photos, "max-photos", "photos in a request");
    v(max_body_mb, "max-body", "MiB of a request with photos");
    v(max_upload_mb, "max-upload", "MiB of an import or a model that is sent");
    v(max_restore_mb, "max-restore", "MiB of a gallery that is put back");
    v(max_megapixels, "max-megapixels", "of a photo");
    v(max_connections, "max-connections", "connections at once");
    v(max_connections_per_client, "max-connections-per-client",
      "of one address, or network of 64 bits in IPv6");
    v(workers, "workers",
      "requests with photos that are worked on at once; 0: those in the cores' network calls, and "
      "one more");
    v(queue, "queue",
      "requests that wait for that; one more, and the first of them is answered 429; 0: as many as "
      "there are cores, so that a photo that is let in takes less than three times what it takes "
      "alone");
    v(max_batch, "max-batch",
      "photos in one network call; 0: 1 on a CPU, whose cores take each photo fastest alone, else "
      "16");
    v(max_wait_ms, "max-wait-ms", "how long a photo waits for others that are being decoded");
    v(deadline, "deadline",
      "seconds within which a photo that was sent is answered, or not at all (504)");
    v(rate, "rate", "requests a second of one client; 0: as many as it likes");
    v(burst, "burst", "requests of one client at once, with --rate");
    v(keep_unknown, "keep-unknown", "unknown photos that wait for a name; 0: none is kept");
    v(drain, "drain", "seconds that requests have to end in after SIGTERM");
    v(model, "model", "the gallery's model.onnx, if it is elsewhere now; repeat it for several");
    v(precision, "precision", "of the network; auto is bf16 where the processor has it",
      {"auto", "f32", "bf16"});
    v(device, "device", "OpenVINO device that runs the network");
    v(threads, "threads", "of the network; 0: the cores there are");
  }
};

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

void check_options(const ServeOptions& o) {
  constexpr const char* kTokensHint =
      "make a file of them with `shoplens token --tokens FILE --name NAME`, or say --insecure";
  if (!is_loopback(o.host) && o.tokens.empty() && !o.insecure)
    throw Error(ErrorCode::kBadInput,
                join("serve: want --tokens to listen on ", o.host, ", where others can connect"),
                kTokensHint);
  // What a proxy lets through comes from loopback.
  if ((!o.trusted_proxy.empty() || !o.allow_host.empty()) && o.tokens.empty() && !o.insecure)
    throw Error(ErrorCode::kBadInput,
                "serve: want --tokens with --trusted-proxy or --allow-host: whoever comes through "
                "the proxy may do all",
                kTokensHint);
  check(o.certificate.empty() == o.key.empty(), "serve: want --certificate and --key together");
  check(o.top >= 1 && o.top <= 100, "--top: want 1 to 100, got ", o.top);
  for (const auto& [name, value] : {std::pair<const char*, double>{"--max-photos", o.max_photos},
                                    {"--max-body", o.max_body_mb},
                                    {"--max-upload", o.max_upload_mb},
                                    {"--max-restore", o.max_restore_mb},
                                    {"--max-megapixels", o.max_megapixels},
                                    {"--max-connections", o.max_connections},
                                    {"--max-connections-per-client", o.max_connections_per_client},
                                    {"--burst", o.burst}})
    check(value >= 1, name, ": want at least 1, got ", value);
  for (const auto& [name, value] : {std::pair<const char*, double>{"--workers", o.workers},
                                    {"--max-batch", o.max_batch},
                                    {"--queue", o.queue},
                                    {"--max-wait-ms", o.max_wait_ms},
                                    {"--rate", o.rate},
                                    {"--keep-unknown", o.keep_unknown},
                                    {"--drain", o.drain}})
    check(value >= 0, name, ": want at least 0, got ", value);
  check(o.deadline > 0, "--deadline: want more than 0 seconds, got ", o.deadline);
}

HttpServerOptions server_options(const ServeOptions& o) {
  HttpServerOptions options;
  options.host = o.host;
  options.port = o.port;
  options.certificate = o.certificate;
  options.key = o.key;
  // Room for a large one beside some of the others.
  options.max_bodies = (static_cast<std::uint64_t>(o.max_upload_mb) << 20) +
                       (static_cast<std::uint64_t>(o.max_body_mb) << 24);
  options.max_connections = o.max_connections;
  options.max_connections_per_client = o.max_connections_per_client;
  options.trusted_proxies = o.trusted_proxy;
  return options;
}

ApiOptions api_options(const ServeOptions& o) {
  ApiOptions options;
  options.max_photos = static_cast<std::size_t>(o.max_photos);
  options.max_body = static_cast<std::uint64_t>(o.max_body_mb) << 20;
  options.max_upload = static_cast<std::uint64_t>(o.max_upload_mb) << 20;
  options.max_restore = static_cast<std::uint64_t>(o.max_restore_mb) << 20;
  options.decode.max_bytes = static_cast<std::uint64_t>(o.max_body_mb) << 20;
  options.decode.max_pixels = static_cast<std::uint64_t>(o.max_megapixels) * 1'000'000;
  options.deadline = std::chrono::milliseconds(static_cast<std::int64_t>(o.deadline * 1000));
  options.top = o.top;
  options.keep_unknown = o.keep_unknown;
  return options;
}

int photos_in_a_call(const ServeOptions& o) {
  return o.max_batch > 0 ? o.max_batch : o.device == "CPU" ? 1 : 16;
}

ServiceOptions service_options(const ServeOptions& o) {
  ServiceOptions options;
  // One more than there are network calls, whose photo is in the network's queue when one ends.
  options.threads = o.workers > 0 ? o.workers : available_cores() * photos_in_a_call(o) + 1;
  // Who is let in under an overload waits for as many answers as there are threads and places.
  options.queue = static_cast<std::size_t>(o.queue > 0 ? o.queue : available_cores());
  options.rate = o.rate;
  options.burst = o.burst;
  if (!o.tokens.empty()) options.tokens = read_tokens(o.tokens);
  options.hosts = options.pages = o.allow_host;
  // On loopback a browser's other pages are the danger; elsewhere nobody has a token to steal.
  if (is_loopback(o.host))
    for (const char* name : {"localhost", "127.0.0.1", "[::1]"}) options.hosts.emplace_back(name);
  if (!options.hosts.empty()) options.hosts.push_back(o.host);
  return options;
}

// Does what may fail, as files are being changed, and then leaves all as it was. An error that was
// `said` the last time is not said again.
bool read_again(const char* what, const std::function<void()>& read, std::string* said = nullptr) {
  std::string error;
  try {
    read();
  } catch (const std::exception& e) {  // of any kind: it was no request's
    error = e.what();
    if (!said || *said != error)
      log_warning("could not read ", what, " again, serving on as before: ", error);
  }
  if (said) *said = error;
  return error.empty();
}

// Whether the files that --model names are the networks of the gallery, as they were until an
// upgrade gave it others, which lie beside it.
bool are_models_of(const Gallery& gallery, const std::vector<std::string>& files) {
  const std::vector<PipelineModel> models = pipeline_of(gallery).models;
  return std::equal(files.begin(), files.end(), models.begin(), models.end(),
                    [](const std::string& file, const PipelineModel& model) {
                      return read_model_info(file).fingerprint == model.fingerprint;
                    });
}

void reload(Catalogue& catalogue, Service& service, HttpServer& server, const ServeOptions& o) {
  bool all = read_again("the tokens", [&] {
    if (!o.tokens.empty()) service.set_tokens(read_tokens(o.tokens));
  });
  all &= read_again("the certificate", [&] { server.reload_certificate(); });
  all &= read_again("the gallery", [&] { catalogue.reload(); });
  if (all) log_info("read tokens, certificate, gallery and models again");
}

// Waits for signals, and meanwhile takes in what other processes change in the gallery. Returns
// when the service shall end.
void wait_until_end(Catalogue& catalogue, Service& service, HttpServer& server,
                    const ServeOptions& o, const sigset_t& signals) {
  const timespec second{1, 0};
  std::string said;  // of what goes wrong each second, once
  while (true) {
    const int signal = ::sigtimedwait(&signals, nullptr, &second);
    if (signal == SIGTERM || signal == SIGINT) return;
    if (signal == SIGHUP)
      reload(catalogue, service, server, o);
    else
      read_again(
          "the gallery", [&] { catalogue.refresh(std::chrono::steady_clock::now()); }, &said);
  }
}

int serve(const ServeOptions& o) {
  check_options(o);
  // Before any thread is there, so that all of them leave these signals to this one.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  NetworkOptions network;
  network.model = o.model;
  network.precision = o.precision;
  network.device = o.device;
  network.threads = o.threads;
  network.batch_size = photos_in_a_call(o);  // nothing is measured, which takes memory and seconds
  const auto open = [&](const Gallery& gallery) {
    NetworkOptions own = network;
    if (!own.model.empty() && !are_models_of(gallery, own.model)) {
      log_warning("--model is not what ", o.gallery, " was upgraded to: taking the gallery's own");
      own.model.clear();
    }
    // As for very many photos: a stream a core.
    return open_gallery_pipeline(gallery, own, std::numeric_limits<std::size_t>::max() / 2);
  };
  Metrics metrics;
  const BatcherOptions batching{
      photos_in_a_call(o),
      std::chrono::microseconds(static_cast<std::int64_t>(o.max_wait_ms * 1000)),
      [&](int photos) { metrics.batch(photos); }};
  Catalogue catalogue(o.gallery, open, batching, o.top);
  const auto open_next = [&](const std::filesystem::path& model, Tta tta) {
    NetworkOptions next = network;
    next.model = {model.string()};
    next.tta = to_string(tta);
    next.threads = 1;  // the other cores are for answers
    next.batch_size = 1;
    return open_pipeline("upgrade", next, 1);
  };
  Api api(catalogue, metrics, open_next, api_options(o));
  Service service(api.routes(), metrics, service_options(o));
  try {
    const PrivateFile tried;
  } catch (const Error& e) {
    log_warning("galleries and models can neither be sent nor fetched: ", e.what(), "; ", e.hint);
  }
  if (const int removed = PrivateFile::remove_abandoned(); removed > 0)
    log_info("removed ", removed, " temporary folders of a server that was killed");
  HttpServer server(server_options(o), service);
  metrics.watch("queue_requests", [&] { return static_cast<double>(service.waiting()); });
  metrics.watch("connections", [&] { return static_cast<double>(server.connections()); });
  const bool v6 = o.host.find(':') != std::string::npos;
  log_info("serving ", o.gallery, " on ", o.certificate.empty() ? "http" : "https", "://",
           v6 ? "[" : "", o.host, v6 ? "]:" : ":", server.port());
  if (!is_loopback(o.host) && o.certificate.empty())
    log_warning(
        "without --certificate tokens and photos cross the network as they are: let none "
        "but a proxy with TLS reach this address");
  wait_until_end(catalogue, service, server, o, signals);
  log_info("ending: no new connections, answering those there are");
  const bool all = server.stop(std::chrono::seconds(o.drain));
  service.stop();
  log_info(all ? "ended" : "ended before every request was answered");
  return 0;
}

struct TokenOptions {
  std::string tokens = "tokens.txt", name, role = "read";

  template <class V>
  void visit(V& v) {
    v(tokens, "tokens", "file to add it to");
    v(name, "name", "whose it is; the log shows it");
    v(role, "role",
      "what it may: read recognises and looks, write changes the catalogue, admin all",
      {"read", "write", "admin"});
  }
};

int token(const TokenOptions& o) {
  std::cout << create_token(o.tokens, o.name, role_from_string(o.role)) << '\n';
  log_info("this is the only time that it is shown; ", o.tokens, " keeps its hash");
  return 0;
}

}  // namespace

Command serve_command() {
  return command<ServeOptions>("serve", "answer photos over HTTP, with a page to try it", serve);
}

Command token_command() {
  return command<TokenOptions>("token", "make a secret token for `shoplens serve`", token);
}

}  // namespace shoplens
