// SPDX-License-Identifier: Apache-2.0
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "gallery/gallery_test_data.h"

namespace shoplens {
namespace {

using std::chrono::steady_clock;

// A child process adds the batch; killed after `delay` (or not at all). Returns how long it ran.
steady_clock::duration add_in_child(const std::filesystem::path& path,
                                    const std::vector<GalleryItem>& items,
                                    const std::vector<float>& vectors,
                                    const steady_clock::duration* delay) {
  int ready[2];
  EXPECT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    Gallery gallery(path);
    [[maybe_unused]] const auto told = ::write(ready[1], "x", 1);
    gallery.add(kTestModel.fingerprint, items, vectors, OnExisting::kError);
    ::_exit(0);
  }
  char byte;
  EXPECT_EQ(::read(ready[0], &byte, 1), 1);
  ::close(ready[0]);
  ::close(ready[1]);
  const auto start = steady_clock::now();
  if (delay) {
    std::this_thread::sleep_for(*delay);
    ::kill(child, SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return steady_clock::now() - start;
}

using GalleryKillTest = GalleryFolder;

TEST_F(GalleryKillTest, AKilledAddLeavesAllOfTheBatchOrNothing) {
  const auto base = build("base.db", 10);
  const auto items = test_items(2000, "b");
  const auto vectors = unit_vectors(items.size(), kTestModel.dim, 1);
  const auto path = folder / "g.db";
  const auto fresh = [&] {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path.string() + suffix);
    std::filesystem::copy_file(base, path);
  };
  fresh();
  const auto whole = add_in_child(path, items, vectors, nullptr);
  ASSERT_EQ(Gallery(path).size(), 2010);

  Random random{2024};
  int kept = 0;
  for (int kill = 0; kill < 50; ++kill) {
    fresh();
    const auto delay =
        std::chrono::duration_cast<steady_clock::duration>(whole * random.uniform(0, 1.1));
    add_in_child(path, items, vectors, &delay);
    Gallery gallery(path);
    ASSERT_TRUE(gallery.verify().empty());
    ASSERT_TRUE(gallery.size() == 10 || gallery.size() == 2010) << gallery.size();
    kept += gallery.size() == 2010;
  }
  RecordProperty("batches_kept", kept);
}

}  // namespace
}  // namespace shoplens
