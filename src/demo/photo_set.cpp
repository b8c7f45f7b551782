// SPDX-License-Identifier: Apache-2.0
#include "demo/photo_set.h"

#include <cmath>
#include <cstdio>
#include <mutex>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "core/log.h"
#include "core/random.h"
#include "core/threads.h"
#include "demo/photo.h"
#include "image/encode.h"

namespace shoplens {
namespace {

namespace fs = std::filesystem;

// First keys of the random streams, so that no two photos share one.
enum Stream : std::uint64_t { kCatalogue = 1, kShelf = 2, kNeighbour = 3 };

constexpr int kArtworkHeight = 384;  // of a 256-pixel photo's print

void check_options(const PhotoSetOptions& o) {
  check(o.classes >= 1 && o.classes <= 100'000, "demo-photos: want 1 to 100000 classes, got ",
        o.classes);
  for (const int count : {o.train, o.val, o.test})
    check(count >= 0 && count <= 10'000, "demo-photos: want 0 to 10000 photos a class, got ",
          count);
  check(o.train + o.val + o.test > 0, "demo-photos: want photos to make, got none");
  check(o.size >= 32 && o.size <= 2048, "demo-photos: want a size of 32 to 2048 pixels, got ",
        o.size);
  check(o.shift >= 0 && o.shift <= 1, "demo-photos: want a shift of 0 to 1, got ", o.shift);
}

std::string photo_name(const char* set, const std::string& label, int number) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "%02d", number);
  return join(set, "/", label, "/", digits, ".jpg");
}

class SetWriter {
 public:
  explicit SetWriter(const PhotoSetOptions& options)
      : o_(options),
        products_(make_products(options.seed, options.classes)),
        progress_("photos", static_cast<std::int64_t>(options.classes) *
                                (options.train + options.val + options.test)) {}

  std::int64_t write() {
    parallel_for(o_.classes, o_.threads,
                 [&](std::int64_t i) { write_class(static_cast<std::size_t>(i)); });
    write_csv("train.csv", "catalogue", 0, o_.train);
    write_csv("val.csv", "catalogue", o_.train, o_.val);
    write_csv("test.csv", "shelf", 0, o_.test);
    return static_cast<std::int64_t>(o_.classes) * (o_.train + o_.val + o_.test);
  }

 private:
  Stocked stock(std::size_t i, double detail) const {
    const int height = static_cast<int>(kArtworkHeight * detail * std::max(1.0, o_.size / 256.0));
    return {products_[i], draw_artwork(products_[i], height)};
  }

  // The next products of the set, relatives among them, as shops sort their shelves; drawn with
  // less detail.
  std::vector<Stocked> neighbours_of(std::size_t i) const {
    Random random{kNeighbour, o_.seed, i};
    const std::size_t n = products_.size();
    std::vector<Stocked> neighbours;
    for (const std::size_t step :
         {std::size_t{1}, n - 1, std::size_t{2} + static_cast<std::size_t>(random.integer(0, 20)),
          n - 3}) {
      const std::size_t other = (i + step) % n;
      if (other != i) neighbours.push_back(stock(other, 0.6));
    }
    random.shuffle(neighbours.begin(), neighbours.end());
    return neighbours;
  }

  void write_class(std::size_t i) {
    const Stocked item = stock(i, 1);
    for (int k = 0; k < o_.train + o_.val; ++k)
      save("catalogue", item, k,
           catalogue_photo(item, o_.size,
                           Random{kCatalogue, o_.seed, i, static_cast<std::uint64_t>(k)}));
    if (o_.test == 0) return;
    const std::vector<Stocked> neighbours = neighbours_of(i);
    for (int k = 0; k < o_.test; ++k)
      save("shelf", item, k,
           shelf_photo(item, neighbours, static_cast<float>(o_.shift), o_.size,
                       Random{kShelf, o_.seed, i, static_cast<std::uint64_t>(k)}));
  }

  void save(const char* set, const Stocked& item, int number, const Photo& photo) {
    const fs::path path = o_.out / photo_name(set, item.product.label, number);
    std::error_code ignored;  // a folder that cannot be made shows as a file that cannot be written
    fs::create_directories(path.parent_path(), ignored);
    write_file(path, encode_jpeg(photo.image, photo.jpeg_quality));
    const std::lock_guard lock(progress_mutex_);
    progress_.advance(1);
  }

  void write_csv(const char* name, const char* set, int first, int count) const {
    if (count == 0) return;
    std::string text = "path,label,coarse_label\n";
    for (const Product& p : products_)
      for (int k = first; k < first + count; ++k)
        text += join(photo_name(set, p.label, k), ",", p.label, ",", to_string(p.kind), "\n");
    write_file(o_.out / name, text);
  }

  const PhotoSetOptions& o_;
  std::vector<Product> products_;
  std::mutex progress_mutex_;
  Progress progress_;
};

}  // namespace

std::int64_t write_photo_set(const PhotoSetOptions& options) {
  check_options(options);
  return SetWriter(options).write();
}

}  // namespace shoplens
