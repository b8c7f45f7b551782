// SPDX-License-Identifier: Apache-2.0
#include "recognize/calibration_figure.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/error.h"

namespace shoplens {
namespace {

constexpr int kSide = 300, kTop = 40, kBins = 10;

std::string number(double value, int digits = 1) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

// A square of side kSide whose axes run from 0 to 1.
class Panel {
 public:
  Panel(int left, const std::string& title, const std::string& x, const std::string& y)
      : left_(left) {
    svg_ = join("<text class='title' x='", left, "' y='24'>", title, "</text>\n");
    for (int tick = 0; tick <= 10; tick += 2) {
      const std::string label = number(tick / 10.0), px = at_x(tick / 10.0), py = at_y(tick / 10.0);
      svg_ += join("<path class='grid' d='M", px, " ", kTop, "v", kSide, "M", left, " ", py, "h",
                   kSide, "'/>\n<text text-anchor='middle' x='", px, "' y='", kTop + kSide + 16,
                   "'>", label, "</text>\n<text text-anchor='end' x='", left - 6, "' y='", py,
                   "' dy='4'>", label, "</text>\n");
    }
    svg_ += join("<text text-anchor='middle' x='", left + kSide / 2, "' y='", kTop + kSide + 36,
                 "'>", x, "</text>\n<text text-anchor='middle' transform='translate(", left - 36,
                 " ", kTop + kSide / 2, ") rotate(-90)'>", y, "</text>\n<path class='even' d='M",
                 left, " ", kTop + kSide, "L", left + kSide, " ", kTop, "'/>\n");
  }

  void line(const std::vector<std::pair<double, double>>& points) {
    svg_ += "<path class='line' d='";
    for (std::size_t i = 0; i < points.size(); ++i)
      svg_ += join(i == 0 ? 'M' : 'L', at_x(points[i].first), ' ', at_y(points[i].second));
    svg_ += "'/>\n";
  }
  void dot(double x, double y, double radius, const std::string& title) {
    svg_ += join("<circle cx='", at_x(x), "' cy='", at_y(y), "' r='", number(radius), "'><title>",
                 title, "</title></circle>\n");
  }
  const std::string& svg() const { return svg_; }

 private:
  std::string at_x(double x) const { return number(left_ + x * kSide); }
  static std::string at_y(double y) { return number(kTop + (1 - y) * kSide); }

  int left_;
  std::string svg_;
};

Panel roc_panel(const OpenSetReport& report) {
  Panel panel(56, join("AUROC ", number(report.curve.auroc, 3)), "strangers that get a name",
              "known photos that get a name");
  std::vector<std::pair<double, double>> points;
  for (const RocPoint& p : report.curve.points) points.emplace_back(p.false_accept, p.true_accept);
  panel.line(points);
  panel.dot(report.false_accepts, 1 - report.false_rejects, 5,
            join("as calibrated: ", number(100 * report.false_accepts), "% of strangers, ",
                 number(100 - 100 * report.false_rejects), "% of known photos"));
  return panel;
}

Panel reliability_panel(const std::vector<Outcome>& outcomes, const OpenSetReport& report) {
  Panel panel(56 + kSide + 80, join("calibration error ", number(report.calibration_error, 3)),
              "probability", "share of right answers");
  struct Bin {
    double probability = 0, right = 0, count = 0;
  };
  std::vector<Bin> bins(kBins);
  for (const Outcome& o : outcomes) {
    Bin& bin = bins[static_cast<std::size_t>(
        std::clamp(static_cast<int>(o.probability * kBins), 0, kBins - 1))];
    bin.probability += o.probability;
    bin.right += o.right;
    ++bin.count;
  }
  for (const Bin& bin : bins)
    if (bin.count > 0)
      panel.dot(bin.probability / bin.count, bin.right / bin.count,
                3 + 20 * std::sqrt(bin.count / static_cast<double>(outcomes.size())),
                join(bin.count, " photos"));
  return panel;
}

}  // namespace

std::string calibration_svg(const std::vector<Outcome>& outcomes, const OpenSetReport& report) {
  return join("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 ", 2 * kSide + 160, " ",
              kSide + 90,
              "' font-family='sans-serif' font-size='12' fill='#444'>\n<style>"
              "svg{background:#fff}.title{font-size:16px;font-weight:600;fill:#111}"
              ".grid{stroke:#e5e5e5;fill:none}.even{stroke:#aaa;stroke-dasharray:4;fill:none}"
              ".line{stroke:#2563eb;stroke-width:2;fill:none}"
              "circle{fill:#2563eb;fill-opacity:.7}</style>\n",
              roc_panel(report).svg(), reliability_panel(outcomes, report).svg(), "</svg>\n");
}

}  // namespace shoplens
