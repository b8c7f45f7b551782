// SPDX-License-Identifier: Apache-2.0
#include "demo/gallery_page.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "core/error.h"
#include "core/files.h"
#include "demo/page_style.h"
#include "image/encode.h"
#include "image/resize.h"
#include "image/source_image.h"

namespace shoplens {
namespace {

std::string base64(const std::string& bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(bytes.size() - i, 3);
    std::uint32_t three = 0;
    for (std::size_t k = 0; k < 3; ++k)
      three = three << 8 | (k < left ? static_cast<unsigned char>(bytes[i + k]) : 0);
    for (std::size_t k = 0; k < 4; ++k)
      text += k <= left ? kDigits[three >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::string fixed(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", value);
  return text;
}

// Label "Nordo-Oat-Milk-1L" as a person writes it.
std::string spoken(std::string label) {
  std::replace(label.begin(), label.end(), '-', ' ');
  return escape_html(label);
}

// Turns photos into <img> elements; a gallery photo that several queries share is read once.
class Thumbnails {
 public:
  explicit Thumbnails(int side) : side_(side) {}

  std::string image(const std::filesystem::path& photo, const std::string& alt) {
    const auto [at, fresh] = uris_.try_emplace(photo.string());
    if (fresh) at->second = uri(photo);
    if (at->second.empty())
      return "<div class=\"none\" role=\"img\" aria-label=\"" + escape_html(alt) +
             "\">no photo</div>";
    return "<img loading=\"lazy\" src=\"" + at->second + "\" alt=\"" + escape_html(alt) + "\">";
  }

 private:
  std::string uri(const std::filesystem::path& photo) const {
    try {
      const Image image = SourceImage::load(photo).decoded(
          {.size = side_, .fit = Fit::kLetterbox, .decode = Decode::kDraft});
      const double scale =
          std::min(1.0, static_cast<double>(side_) / std::max(image.width, image.height));
      const auto side = [&](int length) { return std::max(1, static_cast<int>(length * scale)); };
      const Image small =
          resize(image, side(image.width), side(image.height), Interpolation::kBicubic);
      return "data:image/jpeg;base64," + base64(encode_jpeg(small, 82));
    } catch (const Error&) {
      return {};
    }
  }

  int side_;
  std::map<std::string, std::string> uris_;
};

class PageWriter {
 public:
  PageWriter(std::ostream& out, const PageOptions& options)
      : out_(out), options_(options), photos_(options.thumbnail) {}

  void write(const PageMetrics& metrics, const std::vector<PageRow>& rows) {
    std::vector<const PageRow*> wrong, right;
    for (const PageRow& r : rows) (r.right() ? right : wrong).push_back(&r);
    head(metrics, rows.size(), wrong.size());
    // The surest mistakes teach most.
    std::stable_sort(wrong.begin(), wrong.end(),
                     [](const PageRow* a, const PageRow* b) { return a->score > b->score; });
    section("Mistakes", "The surest first.", wrong.size(), first(wrong, options_.mistakes));
    section("Right answers", "A sample spread over all of them.", right.size(),
            spread(right, options_.samples));
    out_ << "<footer>Written by shoplens. The green or red bar under a gallery photo says whether "
            "it is the query's "
            "product.</footer>\n</main>\n</html>\n";
  }

 private:
  using Rows = std::vector<const PageRow*>;

  static Rows first(const Rows& rows, int count) {
    return {rows.begin(), rows.begin() + std::min<std::ptrdiff_t>(count, std::ssize(rows))};
  }
  static Rows spread(const Rows& rows, int count) {
    const std::size_t n =
        std::min<std::size_t>(rows.size(), static_cast<std::size_t>(std::max(count, 0)));
    Rows chosen;
    for (std::size_t i = 0; i < n; ++i) chosen.push_back(rows[i * rows.size() / n]);
    return chosen;
  }

  void head(const PageMetrics& metrics, std::size_t queries, std::size_t wrong) {
    const std::string title = escape_html(options_.title);
    out_ << "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>"
         << title << "</title>\n<style>" << kPageStyle << "</style>\n<main>\n<h1>" << title
         << "</h1>\n<p>" << queries << (queries == 1 ? " query photo" : " query photos")
         << ", each compared with the gallery; " << (wrong == 0 ? "none" : std::to_string(wrong))
         << " got the wrong product.</p>\n<dl>\n";
    for (const auto& [name, value] : metrics)
      out_ << "<div><dt>" << escape_html(name) << "</dt><dd>" << escape_html(value)
           << "</dd></div>\n";
    out_ << "</dl>\n";
  }

  void section(const std::string& title, const std::string& order, std::size_t total,
               const Rows& rows) {
    out_ << "<section>\n<h2>" << title << "</h2>\n<p>";
    if (total == 0)
      out_ << "None.";
    else
      out_ << rows.size() << " of " << total << ". " << order;
    out_ << "</p>\n<div class=\"rows\">\n";
    for (const PageRow* r : rows) row(*r);
    out_ << "</div>\n</section>\n";
  }

  void row(const PageRow& r) {
    const std::string truth = r.label.empty() ? r.name : r.label;
    out_ << "<article class=\"" << (r.right() ? "right" : "wrong") << "\">\n<figure>"
         << photos_.image(r.photo, "query photo of " + truth) << "<figcaption>"
         << escape_html(r.name) << "</figcaption></figure>\n<div>\n";
    if (!r.error.empty()) {
      out_ << "<h3>No answer</h3>\n<span class=\"verdict\">error</span>\n<p class=\"truth\">"
           << escape_html(r.error) << "</p>\n";
    } else {
      out_ << "<h3>" << spoken(r.predicted) << "</h3>\n<span class=\"verdict\">"
           << (r.right() ? "right" : "wrong") << ", score " << fixed(r.score) << "</span>\n";
    }
    if (!r.right() && !r.label.empty())
      out_ << "<p class=\"truth\">It is <strong>" << spoken(r.label) << "</strong></p>\n";
    out_ << "<ol>\n";
    for (const PageNeighbour& n : r.neighbours) neighbour(n, n.label == r.label);
    out_ << "</ol>\n</div>\n</article>\n";
  }

  void neighbour(const PageNeighbour& n, bool same) {
    out_ << "<li" << (same ? " class=\"same\"" : "") << "><figure>"
         << photos_.image(n.photo, "gallery photo of " + n.label) << "<figcaption><b>"
         << fixed(n.score) << (same ? " right" : " other") << "</b><br>" << spoken(n.label)
         << "</figcaption></figure></li>\n";
  }

  std::ostream& out_;
  const PageOptions& options_;
  Thumbnails photos_;
};

}  // namespace

std::string escape_html(const std::string& text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  return out;
}

void write_page(const std::filesystem::path& path, const PageMetrics& metrics,
                const std::vector<PageRow>& rows, const PageOptions& options) {
  AtomicFile file(path);
  PageWriter(file.stream(), options).write(metrics, rows);
  file.commit();
}

}  // namespace shoplens
