// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "image/decode.h"
#include "serve/catalogue.h"
#include "serve/http.h"
#include "serve/import_spool.h"
#include "serve/jobs.h"
#include "serve/metrics.h"
#include "serve/photo_decoder.h"
#include "serve/tokens.h"

namespace shoplens {

/// The values of a route's {names}, in their order.
using Arguments = std::vector<std::string>;

/// What answers requests of one method and path.
struct Route {
  std::string method;
  std::string path;  // "/v1/items/{id}/photo"
  Role role;         // the least that may
  // What it keeps busy; each but kInstant has threads of its own, so that none waits for another.
  enum class Work {
    kInstant,  // nothing: it is answered on the network thread
    kLight,    // a look into the gallery
    kEdit,     // a small change, for whose turn it may wait
    kPicture,  // the decoder, for a picture to be shown
    kNetwork,  // decoder and network
    kChange,   // the same, then a change, as kEdit
    kLarge     // disk and memory, with a whole gallery or import
  } work;
  std::function<HttpResponse(const HttpRequest&, const Arguments&)> handler;  // may throw HttpError
  std::uint64_t max_body = 64u << 10;                                         // bytes
  bool body_to_a_file = false;                                                // HttpRequest::file
};

/// Sets up a model.onnx that a gallery is to be given, for its views.
using OpenModel = std::function<std::unique_ptr<Pipeline>(const std::filesystem::path&, Tta)>;

struct ApiOptions {
  std::size_t max_photos = 16;            // in a request
  std::size_t max_import = 20'000;        // photos in an import
  std::uint64_t max_body = 32u << 20;     // bytes of a request with photos
  std::uint64_t max_upload = 256u << 20;  // of an import, a model; twice that of all imports to do
  std::uint64_t max_restore = 16ull << 30;             // of a gallery
  DecodeLimits decode{32u << 20, 50'000'000, 16'384};  // of a photo; twice that in RGB at once
  // Of a request with photos, once its body is here; a change is begun by then, or not at all.
  std::chrono::milliseconds deadline{10'000};
  int top = 5;
  // Unknown photos that wait for a name; of both the least. 0: none is kept.
  std::int64_t keep_unknown = 200, keep_unknown_bytes = 512 << 20;
};

/// What the service can do, as routes: the only place with its JSON. web/openapi.json describes
/// it. Thread-safe.
class Api {
 public:
  Api(Catalogue& catalogue, Metrics& metrics, OpenModel open_model, const ApiOptions& options);

  std::vector<Route> routes();  // they refer to this

 private:
  using R = HttpRequest;
  using A = Arguments;
  using Deadline = std::chrono::steady_clock::time_point;

  // api_recognize.cpp
  HttpResponse recognize(const R& request, const A&);
  HttpResponse explain(const R& request, const A&);
  // api_items.cpp
  HttpResponse list_items(const R& request, const A&);
  HttpResponse get_item(const R& request, const A& id);
  HttpResponse add_items(const R& request, const A&);
  HttpResponse delete_item(const R& request, const A& id);
  HttpResponse item_photo(const R& request, const A& id);
  HttpResponse list_labels(const R& request, const A&);
  HttpResponse rename_label(const R& request, const A& label);
  HttpResponse delete_label(const R& request, const A& label);
  HttpResponse list_unknowns(const R& request, const A&);
  HttpResponse unknown_photo(const R& request, const A& id);
  HttpResponse name_unknown(const R& request, const A& id);
  HttpResponse delete_unknown(const R& request, const A& id);
  // api_imports.cpp
  struct Import;
  HttpResponse start_import(const R& request, const A&);
  HttpResponse end_import(std::int64_t id);
  Jobs::Work import_work(std::int64_t id, const Asked& asked);
  void import_photos(Import import, Jobs::Control& job);
  std::optional<std::int64_t> import_batch(const Import& import, std::int64_t begin,
                                           std::int64_t starts, Jobs::Control& job);
  void give_up_import(const Import& import, Jobs::Control& job, const std::string& why);
  void uncount_start(std::int64_t id, const Asked& asked);
  void take_over_imports(bool make_folder);
  // api_jobs.cpp
  HttpResponse start_upgrade(const R& request, const A&);
  void upgrade(const PrivateFile& sent, const std::string& fingerprint, bool drop_unreadable,
               Jobs::Control& job);
  std::vector<Route> job_routes(const std::string& path, Role role, Jobs& jobs,
                                const std::function<HttpResponse(std::int64_t id)>& end);
  // api_state.cpp
  HttpResponse health(const R& request, const A&);
  HttpResponse ready(const R& request, const A&);
  HttpResponse status(const R& request, const A&);
  HttpResponse metrics(const R& request, const A&);
  HttpResponse snapshot(const R& request, const A&);
  HttpResponse restore(const R& request, const A&);

  Deadline deadline_of(const R& request) const { return request.received + options_.deadline; }
  /// The answer to a change that was asked with the same Idempotency-Key before.
  std::optional<HttpResponse> answered(const Asked& asked, int status);
  /// A catalogue change with the request's Idempotency-Key; its answer is JSON.
  HttpResponse changed(const R& request, const Asked& asked, int status,
                       const std::function<std::string(Gallery&)>& change);

  Catalogue& catalogue_;
  Metrics& metrics_;
  OpenModel open_model_;
  ApiOptions options_;
  PhotoDecoder decoder_;
  std::mutex taking_over_;
  bool imports_taken_ = false;
  ImportSpool spool_;
  // Last, as their work uses what is above.
  Jobs imports_{8, "it goes on when the server starts again"}, upgrades_{1};
};

}  // namespace shoplens
