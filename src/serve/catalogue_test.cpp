// SPDX-License-Identifier: Apache-2.0
#include "serve/catalogue.h"

#include <atomic>
#include <future>
#include <thread>

#include "core/error.h"
#include "gallery/gallery_file.h"
#include "recognize/embed_photos.h"
#include "recognize/test_catalogue.h"
#include "serve/http.h"

namespace shoplens {
namespace {

class CatalogueTest : public TestCatalogue {
 protected:
  CatalogueTest() {
    const Pipeline pipeline = open(1);
    embedded = embed_photos(pipeline, photos, {4, 2}).embeddings;
    std::vector<GalleryItem> items;
    for (std::size_t i = 0; i < 6; ++i)
      items.push_back({0, "label" + std::to_string(i), photos[i].filename(), "", {}});
    build_gallery(
        path(),
        {pipeline.fingerprint(), pipeline.arch(), pipeline.dim(), (folder / "model.onnx").string()},
        {}, items, vectors_of(0, 6), true);
  }

  std::filesystem::path path() const { return folder / "g.db"; }
  std::span<const float> vectors_of(std::size_t first, std::size_t count) const {
    return std::span(embedded).subspan(first * 16, count * 16);
  }
  std::unique_ptr<Catalogue> serve() {
    return std::make_unique<Catalogue>(
        path(),
        [this](const Gallery& gallery) {
          ++opened;
          return std::make_unique<Pipeline>(located_pipeline_of(gallery, {}), runtime(1));
        },
        BatcherOptions{}, 3);
  }
  std::string nearest(const Catalogue& catalogue, std::size_t photo) const {
    return catalogue.now()->recognizer->answer(vectors_of(photo, 1))[0].label;
  }
  // Adds photo 7 as `label`.
  std::string add(Gallery& gallery, const std::string& label) const {
    const GalleryItem item{0, label, "seven", "", {}};
    gallery.add(gallery.model().fingerprint, {&item, 1}, vectors_of(7, 1), OnExisting::kError);
    return "added " + label;
  }

  std::vector<float> embedded;
  int opened = 0;
};

TEST_F(CatalogueTest, AChangeIsSeenByWhoComesNextAndNotByWhoIsThere) {
  const auto catalogue = serve();
  const auto before = catalogue->now();
  EXPECT_EQ(catalogue->change("", "", [&](Gallery& g) { return add(g, "new"); }), "added new");
  EXPECT_EQ(nearest(*catalogue, 7), "new");
  EXPECT_EQ(catalogue->now()->items(), 7);
  EXPECT_EQ(before->items(), 6);
  EXPECT_NE(before->recognizer->answer(vectors_of(7, 1))[0].label, "new");
  EXPECT_EQ(opened, 1);  // the networks stay
}

TEST_F(CatalogueTest, EveryChangeIsShownAsARestartWouldShowIt) {
  const auto catalogue = serve();
  Gallery other(path());
  const auto expect_as_restarted = [&] {
    const auto now = catalogue->now(), restarted = serve()->now();
    EXPECT_EQ(now->items(), restarted->items());
    EXPECT_EQ(now->labels(), restarted->labels());
    ASSERT_EQ(now->recognizer != nullptr, restarted->recognizer != nullptr);
    for (std::size_t photo = 0; photo < 9 && now->recognizer; ++photo) {
      const Answer a = now->recognizer->answer(vectors_of(photo, 1))[0],
                   b = restarted->recognizer->answer(vectors_of(photo, 1))[0];
      EXPECT_EQ(a.label, b.label);
      EXPECT_EQ(a.score, b.score);
      ASSERT_EQ(a.neighbours.size(), b.neighbours.size());
      for (std::size_t k = 0; k < a.neighbours.size(); ++k)
        EXPECT_EQ(a.neighbours[k].id, b.neighbours[k].id);
    }
  };
  const auto change = [&](const std::function<void(Gallery&)>& body) {
    catalogue->change("", "", [&](Gallery& g) {
      body(g);
      return std::string();
    });
    expect_as_restarted();
  };
  change([&](Gallery& g) { add(g, "new"); });
  change([](Gallery& g) { g.rename_label("new", "label0"); });
  change([](Gallery& g) { g.remove_ids({3, 4}); });
  other.remove_ids({5});  // seen with the next change, by another process as it is
  change([](Gallery& g) { g.rename_label("label0", "label1"); });
  EXPECT_THROW(change([](Gallery& g) {
                 g.remove_ids({1, 2});
                 throw HttpError(404, "not_found", "half way");
               }),
               HttpError);
  expect_as_restarted();
  change([](Gallery& g) { g.remove_labels({"label1"}); });
  catalogue->keep_unknown(std::vector<Catalogue::UnknownPhoto>{{"photo", "{}"}}, 10, 1000);
  change([](Gallery& g) { g.remove_labels({"label5"}); });
  EXPECT_EQ(catalogue->now()->recognizer, nullptr);
  change([&](Gallery& g) { add(g, "first"); });
  change([](Gallery& g) { g.rename_label("first", "second"); });
  change([](Gallery& g) { g.configure({{"pipeline", ""}}, {}); });
}

TEST_F(CatalogueTest, RequestsAreAnsweredFromOneStateWhileItChanges) {
  const auto catalogue = serve();
  std::atomic<bool> done{false};
  std::vector<std::jthread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      while (!done) {
        const auto serving = catalogue->now();
        const std::string label = serving->recognizer->answer(vectors_of(7, 1))[0].label;
        for (int times = 0; times < 5; ++times)
          EXPECT_EQ(serving->recognizer->answer(vectors_of(7, 1))[0].label, label);
      }
    });
  for (int i = 0; i < 30; ++i) {
    catalogue->change("", "", [&](Gallery& g) { return add(g, "new" + std::to_string(i)); });
    EXPECT_EQ(nearest(*catalogue, 7), "new" + std::to_string(i));
    catalogue->change("", "", [&](Gallery& g) {
      g.remove_paths({"seven"});
      return std::string();
    });
  }
  done = true;
}

TEST_F(CatalogueTest, AChangeThatFailsChangesNothing) {
  const auto catalogue = serve();
  const auto before = catalogue->now();
  EXPECT_THROW(catalogue->change("key", "digest",
                                 [&](Gallery& g) -> std::string {
                                   add(g, "new");
                                   throw HttpError(404, "not_found", "half way");
                                 }),
               HttpError);
  EXPECT_EQ(catalogue->now(), before);
  EXPECT_EQ(Gallery(path()).size(), 6);
  EXPECT_FALSE(catalogue->answered("key", "digest"));  // so it may be asked again
}

TEST_F(CatalogueTest, AKeyIsForOneRequest) {
  auto catalogue = serve();
  const auto change = [&](const char* digest) {
    return catalogue->change("key", digest, [&](Gallery& g) { return add(g, "new"); });
  };
  EXPECT_EQ(change("digest"), "added new");
  EXPECT_EQ(change("digest"), "added new");
  EXPECT_THROW(change("other"), HttpError);
  catalogue = serve();
  EXPECT_EQ(*catalogue->answered("key", "digest"), "added new");
  EXPECT_EQ(change("digest"), "added new");
  EXPECT_EQ(Gallery(path()).size(), 7);
}

TEST_F(CatalogueTest, TakesInWhatOthersChange) {
  const auto catalogue = serve();
  const auto before = catalogue->now();
  catalogue->refresh();
  EXPECT_EQ(catalogue->now(), before);
  Gallery other(path());
  add(other, "other");
  catalogue->refresh();
  EXPECT_EQ(nearest(*catalogue, 7), "other");
  other.remove_labels({"label0", "label1", "label2", "label3", "label4", "label5", "other"});
  catalogue->refresh();
  EXPECT_EQ(catalogue->now()->recognizer, nullptr);
}

TEST_F(CatalogueTest, WhatCannotBeShownYetIsOnDiskAndShownLater) {
  const auto catalogue = serve();
  const auto before = catalogue->now();
  std::filesystem::rename(folder / "model.onnx", folder / "away.onnx");
  const auto change = [&] {
    return catalogue->change("key", "digest", [](Gallery& g) -> std::string {
      g.remove_ids({1});
      PipelineSpec spec = pipeline_of(g);
      spec.tta = Tta::kHflip;  // so that the networks are opened anew
      g.write_note("pipeline", to_toml(spec));
      return "removed";
    });
  };
  try {
    change();
    ADD_FAILURE();
  } catch (const HttpError& e) {
    EXPECT_EQ(e.code, "not_shown");
  }
  EXPECT_EQ(catalogue->now(), before);
  EXPECT_EQ(Gallery(path()).size(), 5);
  EXPECT_THROW(catalogue->refresh(), Error);
  EXPECT_THROW(catalogue->refresh(), Error);  // again, as it is still to be shown
  std::filesystem::rename(folder / "away.onnx", folder / "model.onnx");
  EXPECT_EQ(change(), "removed");  // not again
  catalogue->refresh();
  EXPECT_EQ(catalogue->now()->items(), 5);
}

TEST_F(CatalogueTest, WhatOthersChangeIsTriedAgainUntilItCanBeShown) {
  const auto catalogue = serve();
  std::filesystem::rename(folder / "model.onnx", folder / "away.onnx");
  EXPECT_THROW(catalogue->reload(), Error);
  EXPECT_EQ(catalogue->change("", "", [&](Gallery& g) { return add(g, "new"); }), "added new");
  EXPECT_EQ(nearest(*catalogue, 7), "new");  // by the networks there are
  Gallery other(path());
  PipelineSpec spec = pipeline_of(other);
  spec.tta = Tta::kHflip;
  other.write_note("pipeline", to_toml(spec));
  other.remove_ids({1});
  EXPECT_THROW(catalogue->refresh(), Error);
  EXPECT_EQ(catalogue->now()->items(), 7);
  std::filesystem::rename(folder / "away.onnx", folder / "model.onnx");
  catalogue->refresh();
  EXPECT_EQ(catalogue->now()->items(), 6);
}

TEST_F(CatalogueTest, KeepsTheUnknownPhotosOfARequestAndNotOfAFlood) {
  const auto catalogue = serve();
  const auto keep = [&](const std::string& name) {
    std::vector<std::string> bytes;
    for (int i = 0; i < 16; ++i) bytes.push_back(name + std::to_string(i));
    std::vector<Catalogue::UnknownPhoto> photos;
    for (const std::string& photo : bytes) photos.push_back({photo, "{}"});
    catalogue->keep_unknown(photos, 1000, 1 << 20);
  };
  keep("photo ");
  const auto kept = [&] { return Gallery(path()).unknown_count(); };
  for (int i = 0; i < 500 && kept() < 16; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(kept(), 16);
  for (int round = 0; round < 20; ++round) keep("flood " + std::to_string(round) + " ");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(kept(), 100);
}

TEST_F(CatalogueTest, AFileThatWasReplacedIsNotWrittenTo) {
  const auto catalogue = serve();
  const auto refused = [](const auto& ask) {
    try {
      ask();
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_EQ(e.code, ErrorCode::kIo);
    }
  };
  const auto all_are_refused = [&] {
    refused([&] { catalogue->change("", "", [&](Gallery& g) { return add(g, "lost"); }); });
    refused([&] { catalogue->refresh(); });
    refused([&] { catalogue->reload(); });
    refused([&] { catalogue->restore(folder / "snapshot.db"); });
    EXPECT_FALSE(catalogue->is_readable());
    EXPECT_EQ(nearest(*catalogue, 1), "label1") << "it still answers";
  };
  catalogue->snapshot(folder / "snapshot.db");
  std::filesystem::rename(path(), folder / "away.db");
  all_are_refused();
  std::filesystem::copy_file(folder / "away.db", path());
  all_are_refused();
  std::filesystem::rename(folder / "away.db", path());
  catalogue->refresh();
  EXPECT_TRUE(catalogue->is_readable());
  EXPECT_EQ(catalogue->change("", "", [&](Gallery& g) { return add(g, "new"); }), "added new");
}

TEST_F(CatalogueTest, PutsASnapshotBack) {
  const auto catalogue = serve();
  catalogue->snapshot(folder / "snapshot.db");
  catalogue->change("", "", [&](Gallery& g) { return add(g, "new"); });
  catalogue->restore(folder / "snapshot.db");
  EXPECT_EQ(catalogue->now()->items(), 6);
  EXPECT_NE(nearest(*catalogue, 7), "new");
  write_file(folder / "snapshot.db", "nonsense");
  EXPECT_THROW(catalogue->restore(folder / "snapshot.db"), Error);
  EXPECT_EQ(catalogue->now()->items(), 6);
}

TEST_F(CatalogueTest, IsChangedWhileASnapshotIsTriedOut) {
  std::function<void()> on_open;
  Catalogue catalogue(
      path(),
      [&](const Gallery& gallery) {
        if (on_open) on_open();
        return std::make_unique<Pipeline>(located_pipeline_of(gallery, {}), runtime(1));
      },
      BatcherOptions{}, 3);
  catalogue.snapshot(folder / "snapshot.db");
  Gallery snapshot(folder / "snapshot.db");
  PipelineSpec spec = pipeline_of(snapshot);
  spec.tta = Tta::kHflip;  // so that networks are opened for it
  snapshot.write_note("pipeline", to_toml(spec));
  int opened_for_it = 0;
  on_open = [&] {
    ++opened_for_it;
    EXPECT_EQ(catalogue.change(
                  "", "", [&](Gallery& g) { return add(g, "new"); },
                  std::chrono::steady_clock::now() + std::chrono::seconds(5)),
              "added new");
    EXPECT_EQ(nearest(catalogue, 7), "new");
  };
  catalogue.restore(folder / "snapshot.db");
  EXPECT_EQ(opened_for_it, 1);
  EXPECT_EQ(catalogue.now()->items(), 6);
}

TEST_F(CatalogueTest, AChangeThatIsNotBegunInTimeIsNotMade) {
  const auto catalogue = serve();
  std::promise<void> begun, end;
  std::thread slow([&] {
    catalogue->change("", "", [&](Gallery&) {
      begun.set_value();
      end.get_future().wait();
      return std::string();
    });
  });
  begun.get_future().wait();
  const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  try {
    catalogue->change("key", "digest", [&](Gallery& g) { return add(g, "new"); }, soon);
    ADD_FAILURE();
  } catch (const HttpError& e) {
    EXPECT_EQ(e.status, 504);
  }
  catalogue->refresh(soon);  // comes back
  end.set_value();
  slow.join();
  EXPECT_EQ(catalogue->now()->items(), 6);
  const auto late = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  const auto change = [&](Catalogue::Deadline by) {
    return catalogue->change("key", "digest", [&](Gallery& g) { return add(g, "new"); }, by);
  };
  EXPECT_THROW(change(late), HttpError);
  EXPECT_EQ(change(Catalogue::Deadline::max()), "added new");
  EXPECT_EQ(change(late), "added new");  // the answer of before
}

TEST_F(CatalogueTest, ASnapshotThatCannotBeServedHereLeavesTheGalleryAsItIs) {
  const auto catalogue = serve();
  const ModelInfo other = write_tiny_model(folder / "other.onnx", 32, 16, /*seed=*/2);
  std::filesystem::create_directory(folder / "elsewhere");
  const auto snapshot = folder / "elsewhere" / "snapshot.db";
  const GalleryItem item{0, "other", "other.png", "", {}};
  build_gallery(snapshot, {other.fingerprint, other.arch, other.dim, folder / "elsewhere/far.onnx"},
                {}, {&item, 1}, vectors_of(0, 1), true);
  try {
    catalogue->restore(snapshot);
    ADD_FAILURE();
  } catch (const HttpError& e) {
    EXPECT_EQ(e.status, 422);
    EXPECT_EQ(e.code, "no_model");
    EXPECT_NE(std::string(e.what()).find("model far.onnx on"), std::string::npos) << e.what();
  }
  EXPECT_EQ(Gallery(path()).size(), 6);
  catalogue->change("", "", [&](Gallery& g) { return add(g, "new"); });
  EXPECT_EQ(catalogue->now()->items(), 7);
  EXPECT_EQ(serve()->now()->items(), 7);
  // Beside the gallery it is found, though the snapshot was taken elsewhere.
  std::filesystem::rename(folder / "other.onnx", folder / "far.onnx");
  catalogue->restore(snapshot);
  EXPECT_EQ(catalogue->now()->items(), 1);
  EXPECT_EQ(catalogue->now()->model.fingerprint, other.fingerprint);

  Gallery(snapshot).write_note("calibration", "nonsense");
  const auto before = catalogue->now();
  EXPECT_THROW(catalogue->restore(snapshot), Error);
  EXPECT_EQ(catalogue->now(), before);
  EXPECT_EQ(Gallery(path()).note("calibration"), "");
}

}  // namespace
}  // namespace shoplens
