// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <thread>

#include "gallery/gallery_file.h"
#include "recognize/test_catalogue.h"
#include "serve/api.h"

namespace shoplens {
namespace {

// An empty gallery behind an API whose network takes a photo a call in two calls at once.
class ApiJobsTest : public TestCatalogue {
 protected:
  std::filesystem::path empty_gallery() const {
    const Pipeline pipeline = open(1);
    const auto path = folder / "g.db";
    build_gallery(
        path,
        {pipeline.fingerprint(), pipeline.arch(), pipeline.dim(), (folder / "model.onnx").string()},
        {}, {}, {}, true);
    return path;
  }
  HttpResponse ask(const std::string& method, const std::string& path, HttpRequest request = {}) {
    for (const Route& route : api.routes())
      if (route.method == method && route.path == path)
        return route.handler(request, {std::to_string(job)});
    throw std::runtime_error("no such route: " + path);
  }
  // A form with `count` photos, each another.
  static HttpRequest import_of(int count) {
    HttpRequest request;
    request.headers["content-type"] = "multipart/form-data; boundary=b";
    for (int i = 0; i < count; ++i)
      request.body += "--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"label/" +
                      std::to_string(i) + ".png\"\r\nContent-Type: image/png\r\n\r\n" +
                      encode_png(picture(i)) + "\r\n";
    request.body += "--b--\r\n";
    return request;
  }

  std::atomic<std::size_t> calls{0}, most_waiting{0};
  std::int64_t job = 0;
  Metrics metrics;
  Catalogue catalogue{empty_gallery(),
                      [this](const Gallery&) { return std::make_unique<Pipeline>(open(2)); },
                      {.max_batch = 1,
                       .on_batch =
                           [this](int) {
                             ++calls;
                             const std::size_t waiting = catalogue.now()->batcher->waiting();
                             if (waiting > most_waiting) most_waiting = waiting;
                           }},
                      3};
  Api api{catalogue, metrics, {}, {}};
};

TEST_F(ApiJobsTest, AnImportLeavesTheNetworksQueueToQuestions) {
  const std::string begun = ask("POST", "/v1/imports", import_of(60)).body;
  job = std::stoll(begun.substr(begun.find(':') + 1));
  std::string state;
  for (int i = 0; i < 2000 && state.find("\"done\",") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    state = ask("GET", "/v1/imports/{id}").body;
  }
  EXPECT_NE(state.find("\"added\":60"), std::string::npos) << state;
  EXPECT_EQ(calls, 60u);
  EXPECT_LE(most_waiting, 1u);  // the network's two calls take what it brings at a time
}

}  // namespace
}  // namespace shoplens
