// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "apps/commands.h"
#include "core/log.h"
#include "core/threads.h"
#include "demo/photo_set.h"

namespace shoplens {
namespace {

struct DemoPhotosOptions {
  std::string out = "demo-photos";
  PhotoSetOptions set;
  std::int64_t seed = 1;
  int threads = 0;

  template <class V>
  void visit(V& v) {
    v(out, "out", "folder to write catalogue/, shelf/, train.csv, val.csv and test.csv into");
    v(set.classes, "classes", "products");
    v(set.train, "train", "catalogue photos a product, in train.csv");
    v(set.val, "val", "further catalogue photos a product, in val.csv");
    v(set.test, "test", "shelf photos a product, in test.csv");
    v(set.size, "size", "side of a photo, pixels");
    v(set.shift, "shift", "how far the shelf photos are from the catalogue ones: 0 (alike) to 1");
    v(seed, "seed", "another seed is another catalogue; the same one gives the same bytes");
    v(threads, "threads", "0: one a core");
  }
};

int demo_photos(const DemoPhotosOptions& options) {
  check(options.seed >= 0, "demo-photos: want a seed of 0 or more, got ", options.seed);
  PhotoSetOptions set = options.set;
  set.out = options.out;
  set.seed = static_cast<std::uint64_t>(options.seed);
  set.threads = options.threads > 0 ? options.threads : available_cores();
  const auto start = std::chrono::steady_clock::now();
  const std::int64_t photos = write_photo_set(set);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  log_info(photos, " photos of ", set.classes, " products in ", options.out, ", ",
           static_cast<std::int64_t>(static_cast<double>(photos) / seconds), " photos/s");
  return 0;
}

}  // namespace

Command demo_photos_command() {
  return command("demo-photos", "make photos of invented products to try shoplens with",
                 demo_photos);
}

}  // namespace shoplens
