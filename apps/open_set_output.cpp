// SPDX-License-Identifier: Apache-2.0
#include "apps/open_set_output.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

namespace shoplens {

namespace {

constexpr std::array kShares{0.01, 0.02, 0.05, 0.1, 0.2, 0.5};

// Most known photos named while at most a share of strangers is.
double named_at(const OpenSetCurve& curve, double share) {
  double named = 0;
  for (const RocPoint& point : curve.points)
    if (point.false_accept <= share) named = std::max(named, point.true_accept);
  return named;
}

Json to_json(const std::vector<RocPoint>& points) {
  Json list = Json::array();
  for (const RocPoint& p : points) {
    const Json threshold = std::isfinite(p.threshold) ? Json(p.threshold) : Json();
    list.push_back({{"threshold", threshold},
                    {"false_accept", p.false_accept},
                    {"true_accept", p.true_accept}});
  }
  return list;
}

}  // namespace

Json to_json(const OpenSetReport& r) {
  return {{"known", r.known},
          {"strangers", r.strangers},
          {"auroc", r.curve.auroc},
          {"fpr_at_95_tpr", r.curve.fpr_at_95_tpr},
          {"roc", to_json(r.curve.points)},
          {"false_accepts", r.false_accepts},
          {"false_rejects", r.false_rejects},
          {"accepted_right", r.accepted_right},
          {"calibration_error", r.calibration_error},
          {"cosine_auroc", r.cosine_auroc},
          {"fixed_0.5",
           {{"false_accepts", r.fixed_false_accepts}, {"false_rejects", r.fixed_false_rejects}}}};
}

void print_text(const OpenSetReport& r, const std::string& how) {
  const auto row = [](const char* what, double value) {
    std::cout << std::setw(10) << value << "  " << what << '\n';
  };
  std::cout << std::fixed << std::setprecision(2) << r.known << " photos of known products, "
            << r.strangers << " of strangers" << (how.empty() ? "" : ", ") << how << "\n";
  row("AUROC, percent", r.curve.auroc * 100);
  row("strangers named when 95% of known photos are", r.curve.fpr_at_95_tpr * 100);
  for (const double share : kShares) {
    std::cout << std::setw(10) << named_at(r.curve, share) * 100
              << "  known photos named when at most " << std::setprecision(0) << share * 100
              << "% of strangers are\n"
              << std::setprecision(2);
  }
  row("strangers named (false accepts)", r.false_accepts * 100);
  row("known photos called unknown (false rejects)", r.false_rejects * 100);
  row("names of known photos that are right", r.accepted_right * 100);
  row("calibration error of the probability", r.calibration_error * 100);
  row("with the cosine alone: AUROC", r.cosine_auroc * 100);
  row("    strangers above 0.5", r.fixed_false_accepts * 100);
  row("    known photos not above 0.5", r.fixed_false_rejects * 100);
}

}  // namespace shoplens
