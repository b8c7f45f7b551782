// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
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
    for (const Route& route : api->routes())
      if (route.method == method && route.path == path)
        return route.handler(request, {std::to_string(job)});
    throw std::runtime_error("no such route: " + path);
  }
  // Begins an import, which becomes `job`, and takes a while over more than a few photos.
  void import(const HttpRequest& request) {
    slow = request.body.size() > import_of(60).body.size();
    const std::string begun = ask("POST", "/v1/imports", request).body;
    job = std::stoll(begun.substr(begun.find(':') + 1));
  }
  // The job's state once this is in it.
  std::string state_with(const std::string& part) {
    std::string state;
    for (int i = 0; i < 2000 && state.find(part) == std::string::npos; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      state = ask("GET", "/v1/imports/{id}").body;
    }
    EXPECT_NE(state.find(part), std::string::npos) << state;
    return state;
  }
  // As a server that ends and one that starts, which finds `files` changed.
  void start_again(const std::function<void()>& change_files = [] {}) {
    api.reset();
    change_files();
    api = std::make_unique<Api>(catalogue, metrics, OpenModel(), ApiOptions());
  }
  std::filesystem::path spool_file() const { return folder / "g.db.imports" / std::to_string(job); }
  // A form with `count` photos, each another.
  static HttpRequest import_of(int count) {
    HttpRequest request;
    request.target = "/v1/imports";
    request.headers["content-type"] = "multipart/form-data; boundary=b";
    for (int i = 0; i < count; ++i)
      request.body += "--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"label/" +
                      std::to_string(i) + ".png\"\r\nContent-Type: image/png\r\n\r\n" +
                      encode_png(picture(i)) + "\r\n";
    request.body += "--b--\r\n";
    return request;
  }

  std::atomic<std::size_t> calls{0}, most_waiting{0};
  std::atomic<bool> slow{false};
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
                             if (slow) std::this_thread::sleep_for(std::chrono::milliseconds(3));
                           }},
                      3};
  std::unique_ptr<Api> api = std::make_unique<Api>(catalogue, metrics, OpenModel(), ApiOptions());
};

TEST_F(ApiJobsTest, AnImportLeavesTheNetworksQueueToQuestions) {
  import(import_of(60));
  const std::string state = state_with("\"done\",");
  EXPECT_NE(state.find("\"added\":60"), std::string::npos) << state;
  EXPECT_EQ(calls, 60u);
  EXPECT_LE(most_waiting, 1u);  // the network's two calls take what it brings at a time
  EXPECT_FALSE(std::filesystem::exists(spool_file()));
}

TEST_F(ApiJobsTest, AnImportGoesOnWhereItWasAndIsKnownByItsKey) {
  HttpRequest request = import_of(300);
  request.headers["idempotency-key"] = "once";
  import(request);
  state_with("\"done\":128,");
  start_again();
  const std::int64_t begun = job;
  import(request);
  EXPECT_EQ(job, begun);
  const std::string state = state_with("\"done\",");
  EXPECT_NE(state.find("\"total\":300,\"done\":300,\"added\":300,\"existing\":0,"),
            std::string::npos)
      << state;
  EXPECT_EQ(catalogue.now()->items(), 300);
  EXPECT_LE(calls, 300u + 128u) << "what was there was embedded again";
  EXPECT_TRUE(std::filesystem::is_empty(folder / "g.db.imports"));
  for (int i = 0; i < 2; ++i) {
    start_again();
    EXPECT_EQ(ask("GET", "/v1/imports/{id}").body, state);
    import(request);
    EXPECT_EQ(job, begun);
  }
  request.body = import_of(2).body;
  EXPECT_THROW(ask("POST", "/v1/imports", request), HttpError) << "its key was of another";
  ask("DELETE", "/v1/imports/{id}");
  start_again();
  EXPECT_THROW(ask("GET", "/v1/imports/{id}"), HttpError) << "it was forgotten";
}

TEST_F(ApiJobsTest, AnImportThatIsEndedDoesNotComeBack) {
  import(import_of(300));
  state_with("\"done\":128,");
  const std::string last = ask("DELETE", "/v1/imports/{id}").body;
  EXPECT_NE(last.find("\"cancelled\""), std::string::npos) << last;
  EXPECT_FALSE(std::filesystem::exists(spool_file()));
  start_again();
  EXPECT_THROW(ask("GET", "/v1/imports/{id}"), HttpError);
  EXPECT_EQ(catalogue.now()->items(), 128);
}

TEST_F(ApiJobsTest, AnImportWhoseFileIsSpoiltFailsAndSaysSo) {
  for (const bool gone : {false, true}) {
    import(import_of(300));
    state_with("\"done\":128,");
    start_again([&] {
      if (gone)
        std::filesystem::remove(spool_file());
      else
        std::filesystem::resize_file(spool_file(), 1'000);
    });
    const std::string state = state_with("\"failed\",");
    EXPECT_NE(state.find("send them again"), std::string::npos) << state;
    EXPECT_NE(state.find("\"done\":128,"), std::string::npos) << state;
    EXPECT_FALSE(std::filesystem::exists(spool_file()));
    start_again();
    EXPECT_EQ(ask("GET", "/v1/imports/{id}").body, state);
    ask("DELETE", "/v1/imports/{id}");
    catalogue.change("", "", [](Gallery& gallery) {
      gallery.remove_labels({"label"});
      return std::string();
    });
  }
}

TEST_F(ApiJobsTest, AllOfAnImportComesIntoAGalleryThatIsRestoredMeanwhile) {
  catalogue.snapshot(folder / "before.db");
  import(import_of(300));
  state_with("\"done\":128,");
  catalogue.restore(folder / "before.db");
  const std::string state = state_with("\"done\",");
  EXPECT_NE(state.find("\"added\":300,"), std::string::npos) << state;
  EXPECT_EQ(catalogue.now()->items(), 300);
}

}  // namespace
}  // namespace shoplens
