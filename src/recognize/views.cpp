// SPDX-License-Identifier: Apache-2.0
#include "recognize/views.h"

#include <algorithm>

#include "core/error.h"
#include "index/vector_index.h"

namespace shoplens {

Tta tta_from_string(const std::string& word) {
  check(word == "none" || word == "hflip", "tta: want none or hflip, got ", word);
  return word == "none" ? Tta::kNone : Tta::kHflip;
}

const char* to_string(Tta tta) { return tta == Tta::kHflip ? "hflip" : "none"; }

int view_count(Tta tta) { return tta == Tta::kHflip ? 2 : 1; }

void preprocess_views(const Image& image, const Preprocessing& preprocessing, Tta tta, float* out) {
  preprocess(image, preprocessing, out);
  if (tta == Tta::kNone) return;
  const std::ptrdiff_t size = preprocessing.size, rows = 3 * size;
  for (std::ptrdiff_t y = 0; y < rows; ++y)
    std::reverse_copy(out + y * size, out + (y + 1) * size, out + (rows + y) * size);
}

void merge_views(std::span<const float> views, int dim, Tta tta, float* out, bool raw) {
  const auto d = static_cast<std::size_t>(dim), count = static_cast<std::size_t>(view_count(tta));
  const std::size_t n = views.size() / (d * count);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < d; ++j) {
      const float* first = views.data() + i * count * d + j;
      // The mean's length does not matter, it is divided out: the sum will do. Row i is written
      // behind what is read.
      out[i * d + j] = count == 1 ? first[0] : first[0] + first[d];
    }
  if (count > 1 && !raw) l2_normalize({out, n * d}, dim);
}

}  // namespace shoplens
