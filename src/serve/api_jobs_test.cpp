// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "core/files.h"
#include "gallery/gallery_file.h"
#include "recognize/test_catalogue.h"
#include "serve/api.h"

namespace shoplens {
namespace {

// Lets so many through, and each other once there is room for it.
class Gate {
 public:
  static constexpr std::size_t kAll = SIZE_MAX / 2;
  void pass() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return room_ > 0; });
    --room_;
  }
  void set_room(std::size_t room) {
    const std::lock_guard lock(mutex_);
    room_ = room;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t room_ = kAll;
};

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
  ~ApiJobsTest() override { network.set_room(Gate::kAll); }
  // Begins an import, which becomes `job`.
  void import(const HttpRequest& request) {
    const std::string begun = ask("POST", "/v1/imports", request).body;
    job = std::stoll(begun.substr(begun.find(':') + 1));
  }
  // The same, and returns when it has 128 photos and cannot go on.
  void import_and_hold(const HttpRequest& request) {
    network.set_room(128);
    import(request);
    state_with("\"done\":128,");
  }
  // Ends a server that is held: its import must not have the time for 128 more photos.
  void end(std::unique_ptr<Api>& server) {
    std::atomic<bool> ended{false};
    std::thread little_by_little([&] {
      while (!ended) {
        network.set_room(1);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    });
    server.reset();
    ended = true;
    little_by_little.join();
    network.set_room(Gate::kAll);
  }
  std::optional<DoneRequest> row() const {
    return catalogue.read([&](const Gallery& gallery) {
      return gallery.done_request("import " + std::to_string(job));
    });
  }
  void set_row(const DoneRequest& row) {
    catalogue.change("", "", [&](Gallery& gallery) {
      gallery.keep_request("import " + std::to_string(job), row);
      return std::string();
    });
  }
  // What is refused with this status and code.
  void refused(int status, const std::string& code, const std::string& method,
               const std::string& path, const HttpRequest& request = {}) {
    try {
      ask(method, path, request);
      ADD_FAILURE() << "it was done";
    } catch (const HttpError& e) {
      EXPECT_EQ(e.status, status) << e.what();
      EXPECT_EQ(e.code, code) << e.what();
    }
  }
  // The job's state once this is in it.
  std::string state_with(const std::string& part) {
    std::string state;
    for (int i = 0; i < 12'000 && state.find(part) == std::string::npos; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      state = ask("GET", "/v1/imports/{id}").body;
    }
    EXPECT_NE(state.find(part), std::string::npos) << state;
    return state;
  }
  // As a server that is killed once it has begun the import so often from where it is, and one that
  // starts, whose network has room for so many photos.
  void kill_at_start(int count, std::size_t room) {
    const std::string starts = "\"starts\":" + std::to_string(count);
    std::optional<DoneRequest> killed;
    for (int wait = 0; wait < 12'000 && !(killed && killed->answer.ends_with(starts + "}"));
         ++wait) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      killed = row();
    }
    ASSERT_TRUE(killed);
    end(api);
    if (count == 1) {
      EXPECT_EQ(row()->answer.find("\"starts\""), std::string::npos) << "it was ended in order";
    }
    set_row(*killed);
    network.set_room(room);
    api = std::make_unique<Api>(catalogue, metrics, OpenModel(), ApiOptions());
  }
  // As a server that ends and one that starts, which finds `files` changed.
  void start_again(const std::function<void()>& change_files = [] {}) {
    end(api);
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
  Gate network;
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
                             network.pass();
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
  import_and_hold(request);
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
  import_and_hold(import_of(300));
  const std::string last = ask("DELETE", "/v1/imports/{id}").body;
  EXPECT_NE(last.find("\"cancelled\""), std::string::npos) << last;
  EXPECT_NE(last.find("\"done\":128,"), std::string::npos) << last;
  EXPECT_FALSE(std::filesystem::exists(spool_file()));
  start_again();
  EXPECT_THROW(ask("GET", "/v1/imports/{id}"), HttpError);
  EXPECT_EQ(catalogue.now()->items(), 128);
}

TEST_F(ApiJobsTest, AnImportWhoseFileIsSpoiltFailsAndSaysSo) {
  for (const bool gone : {false, true}) {
    import_and_hold(import_of(300));
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
  import_and_hold(import_of(300));
  catalogue.restore(folder / "before.db");
  network.set_room(Gate::kAll);
  const std::string state = state_with("\"done\",");
  EXPECT_NE(state.find("\"added\":300,"), std::string::npos) << state;
  EXPECT_EQ(catalogue.now()->items(), 300);
}

TEST_F(ApiJobsTest, AnImportWaitsForItsFileWhenTheDiskSaysNo) {
  import_and_hold(import_of(300));
  const auto aside = folder / "aside";
  start_again([&] {
    std::filesystem::rename(spool_file(), aside);
    std::filesystem::create_symlink(spool_file(), spool_file());  // which nobody can follow
  });
  const std::string waits = state_with("waits for the gallery");
  EXPECT_NE(waits.find("\"running\","), std::string::npos) << waits;
  std::filesystem::rename(aside, spool_file());
  const std::string state = state_with("\"done\",");
  EXPECT_NE(state.find("\"message\":null,\"total\":300,\"done\":300,\"added\":300,"),
            std::string::npos)
      << state;
}

TEST_F(ApiJobsTest, OfServersOnAGalleryOneHasItsImports) {
  import_and_hold(import_of(300));
  const auto coming = spool_file().string() + "0.tmp1-1";  // as keep() writes it
  write_file(coming, "x");
  auto first = std::move(api);
  api = std::make_unique<Api>(catalogue, metrics, OpenModel(), ApiOptions());
  EXPECT_TRUE(std::filesystem::exists(coming));
  refused(404, "not_found", "GET", "/v1/imports/{id}");
  refused(503, "imports_elsewhere", "DELETE", "/v1/imports/{id}");
  refused(503, "imports_elsewhere", "POST", "/v1/imports", import_of(1));
  EXPECT_TRUE(std::filesystem::exists(spool_file()));
  end(first);
  const std::int64_t begun = job;
  import(import_of(1));
  EXPECT_FALSE(std::filesystem::exists(coming));
  state_with("\"done\",");
  job = begun;
  EXPECT_NE(state_with("\"done\",").find("\"done\":300,\"added\":300,"), std::string::npos);
}

TEST_F(ApiJobsTest, AnImportThatAnotherServerDidToItsEndIsDone) {
  import_and_hold(import_of(300));
  import(import_of(2));
  std::string ended = ask("GET", "/v1/imports/{id}").body;
  for (const auto& [from, to] : {std::pair{"waiting", "done"}, {"\"done\":0", "\"done\":2"}})
    ended.replace(ended.find(from), std::string(from).size(), to);
  set_row({"", ended});
  std::filesystem::remove(spool_file());
  network.set_room(Gate::kAll);
  state_with("\"done\",");
  EXPECT_EQ(ask("GET", "/v1/imports/{id}").body, ended);
}

TEST_F(ApiJobsTest, ADeletionThatTheDiskRefusesCanBeSentAgain) {
  import_and_hold(import_of(300));
  std::filesystem::remove(spool_file());
  std::filesystem::create_directories(spool_file() / "not empty");  // which cannot be removed
  for (int i = 0; i < 2; ++i) {
    refused(503, "storage", "DELETE", "/v1/imports/{id}");
    EXPECT_TRUE(row());
  }
  std::filesystem::remove_all(spool_file());
  const std::string last = ask("DELETE", "/v1/imports/{id}").body;
  EXPECT_NE(last.find("\"cancelled\""), std::string::npos) << last;
  EXPECT_NE(last.find("\"done\":128,"), std::string::npos) << last;
  EXPECT_FALSE(row());
  refused(404, "not_found", "DELETE", "/v1/imports/{id}");
  start_again();
  refused(404, "not_found", "GET", "/v1/imports/{id}");
}

TEST_F(ApiJobsTest, ADeletionTellsOfPhotosThatCouldNotBeShown) {
  import_and_hold(import_of(300));
  Gallery(catalogue.path()).write_note("calibration", "nonsense");  // so that it cannot be read
  network.set_room(128);
  state_with("waits for the gallery");
  const std::string last = ask("DELETE", "/v1/imports/{id}").body;
  EXPECT_NE(last.find("\"cancelled\""), std::string::npos) << last;
  EXPECT_NE(last.find("\"done\":256,\"added\":256,"), std::string::npos) << last;
  EXPECT_FALSE(row());
  EXPECT_FALSE(std::filesystem::exists(spool_file()));
}

TEST_F(ApiJobsTest, AnImportThatEndsTheServerEachTimeFails) {
  network.set_room(0);
  import(import_of(3));
  for (int i = 1; i <= 3; ++i) kill_at_start(i, 0);
  const std::string state = state_with("\"failed\",");
  EXPECT_NE(state.find("begun 3 times"), std::string::npos) << state;
  EXPECT_FALSE(std::filesystem::exists(spool_file()));
  start_again();
  EXPECT_EQ(ask("GET", "/v1/imports/{id}").body, state);
}

TEST_F(ApiJobsTest, AnImportThatWasCutOffGoesOnInSmallerSteps) {
  network.set_room(0);
  import(import_of(20));
  kill_at_start(1, 8);
  state_with("\"done\":8,");
  start_again([&] { network.set_room(0); });
  kill_at_start(1, 0);
  kill_at_start(2, 1);
  state_with("\"done\":9,");
  network.set_room(Gate::kAll);
  EXPECT_NE(state_with("\"done\",").find("\"added\":20,"), std::string::npos);
}

TEST_F(ApiJobsTest, WhatAGallerySaysOfAnImportMustBePossible) {
  for (const char* done : {"\"done\":-1", "\"done\":301"}) {
    import_and_hold(import_of(300));
    start_again([&] {
      DoneRequest kept = row().value();
      kept.answer.replace(kept.answer.find("\"done\":128"), 10, done);
      set_row(kept);
    });
    const std::string state = state_with("\"done\",");
    EXPECT_NE(state.find("\"done\":300,\"added\":172,\"existing\":128,"), std::string::npos)
        << state;
    catalogue.change("", "", [](Gallery& gallery) {
      gallery.remove_labels({"label"});
      return std::string();
    });
  }
}

}  // namespace
}  // namespace shoplens
