// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>

namespace shoplens {

/// A set of generated product photos: clean catalogue ones to learn from, shelf ones to test on.
struct PhotoSetOptions {
  std::filesystem::path out;
  int classes = 40;
  int train = 8, val = 2, test = 4;  // photos a class: catalogue, catalogue held out, shelf
  int size = 256;                    // side in pixels
  double shift = 1;                  // strength of the domain shift, 0 to 1
  std::uint64_t seed = 1;
  int threads = 1;
};

/// Writes catalogue/<label>/NN.jpg, shelf/<label>/NN.jpg, train.csv, val.csv and test.csv
/// (path,label,coarse_label; coarse_label is the kind of package) under `out`; a set of no photos
/// has no CSV. Returns the number of photos. The files depend on the options but neither on
/// `threads` nor on other files in `out`; a class's photos do not depend on `train`, `val` and
/// `test` beyond their number. Throws kBadInput for an option out of range, kIo.
std::int64_t write_photo_set(const PhotoSetOptions& options);

}  // namespace shoplens
