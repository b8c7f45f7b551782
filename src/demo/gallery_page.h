// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shoplens {

/// A gallery photo near a query.
struct PageNeighbour {
  std::filesystem::path photo;
  std::string label;
  double score = 0;  // cosine
};

/// A query and what became of it.
struct PageRow {
  std::filesystem::path photo;
  std::string name;       // how the page calls the photo
  std::string label;      // the right one; "" when not known
  std::string predicted;  // "" when nothing was
  double score = 0;
  std::vector<PageNeighbour> neighbours;  // nearest first
  std::string error;                      // why there is no prediction; "" when there is one
  bool right() const { return error.empty() && label == predicted; }
};

/// A number at the top of the page: its name, and itself as text.
using PageMetrics = std::vector<std::pair<std::string, std::string>>;

struct PageOptions {
  std::string title = "Product recognition";
  int mistakes = 24;    // most wrong rows shown, the most confident first
  int samples = 24;     // most right rows shown, spread over the list
  int thumbnail = 192;  // longest side of an embedded photo, pixels
};

/// Writes one HTML file that needs no other: photos are embedded as small JPEGs, no scripts, light
/// and dark. All text is escaped; a photo that cannot be read shows as an empty frame. Throws kIo.
void write_page(const std::filesystem::path& path, const PageMetrics& metrics,
                const std::vector<PageRow>& rows, const PageOptions& options);

/// `text` with & < > " ' as entities.
std::string escape_html(const std::string& text);

}  // namespace shoplens
