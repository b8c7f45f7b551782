// SPDX-License-Identifier: Apache-2.0
#include "recognize/calibration.h"

#include <algorithm>
#include <limits>
#include <sstream>

#include "core/hash.h"
#include "core/log.h"
#include "eval/logistic.h"
#include "recognize/toml_keys.h"

namespace shoplens {
namespace {

double number_in(const toml::node& node, const char* key, const std::string& source) {
  const auto number = node.value<double>();
  if (!number || !std::isfinite(*number)) corrupt_toml(source, key, ": want finite numbers");
  return *number;
}

std::vector<double> numbers_in(const toml::array& array, std::size_t count, const char* key,
                               const std::string& source) {
  if (array.size() != count)
    corrupt_toml(source, key, ": want ", count, " numbers, got ", array.size());
  std::vector<double> numbers;
  for (const toml::node& node : array) numbers.push_back(number_in(node, key, source));
  return numbers;
}

}  // namespace

Evidence evidence_for(std::int64_t label, std::int64_t photos, std::span<const std::int64_t> labels,
                      std::span<const float> scores) {
  const std::size_t n = std::min<std::size_t>(labels.size(), kEvidenceNeighbours);
  // Not simply the first of each: a re-ranked list is not in the order of the scores.
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  float own = kNone, other = kNone, least = 1;
  std::int64_t votes = 0;
  for (std::size_t i = 0; i < n; ++i) {
    float& best = labels[i] == label ? own : other;
    best = std::max(best, scores[i]);
    least = std::min(least, scores[i]);
    votes += labels[i] == label;
  }
  if (votes == 0) return {};
  const auto possible = std::clamp<std::int64_t>(photos, votes, static_cast<std::int64_t>(n));
  return {own, double{own} - (other == kNone ? least : other),
          static_cast<double>(votes) / static_cast<double>(possible)};
}

double Calibration::probability(const Evidence& e) const {
  return sigmoid(weights[0] + weights[1] * e.score + weights[2] * e.margin +
                 weights[3] * e.agreement);
}

bool Calibration::unknown(const std::string& label, double probability) const {
  const auto own = label_thresholds.find(label);
  return !(probability > (own == label_thresholds.end() ? threshold : own->second));
}

std::string to_toml(const Calibration& c) {
  toml::array weights, deciles;
  for (const double w : c.weights) weights.push_back(w);
  for (const double d : c.score_deciles) deciles.push_back(d);
  toml::table labels;
  for (const auto& [label, threshold] : c.label_thresholds) labels.insert(label, threshold);
  std::ostringstream out;
  out << toml::table{{"settings", c.settings},
                     {"weights", std::move(weights)},
                     {"threshold", c.threshold},
                     {"false_accept_rate", c.false_accept_rate},
                     {"score_deciles", std::move(deciles)},
                     {"label_thresholds", std::move(labels)}}
      << '\n';
  return out.str();
}

Calibration calibration_from_toml(const std::string& text, const std::string& source) {
  const toml::table table = parse_toml(text, source);
  Calibration c;
  TomlKeys keys(table, source);
  keys.read("settings", c.settings);
  toml::array weights, deciles;
  keys.read_node("weights", weights);
  keys.read_at_least("threshold", 0.0, c.threshold);
  keys.read_at_least("false_accept_rate", 0.0, c.false_accept_rate);
  keys.read_node("score_deciles", deciles);
  toml::table labels;
  keys.read_node("label_thresholds", labels);
  keys.end();
  const auto four = numbers_in(weights, 4, "weights", source);
  std::copy(four.begin(), four.end(), c.weights.begin());
  c.score_deciles = numbers_in(deciles, 9, "score_deciles", source);
  for (const auto& [label, node] : labels)
    c.label_thresholds[std::string(label.str())] = number_in(node, "label_thresholds", source);
  return c;
}

std::string settings_hash(PipelineSpec spec) {
  for (PipelineModel& model : spec.models) model.path = "model.onnx";
  spec.ranking.recall = 0;
  return sha256_hex(to_toml(spec));
}

std::optional<Calibration> calibration_of(const Gallery& gallery, const PipelineSpec& spec) {
  const std::string text = gallery.note("calibration");
  if (text.empty()) return std::nullopt;
  Calibration calibration =
      calibration_from_toml(text, join("calibration in ", gallery.path().string()));
  if (calibration.settings == settings_hash(spec)) return calibration;
  log_warning(
      "the gallery's calibration was learnt with other settings, so no answer is \"unknown\"; "
      "run `shoplens calibrate` again (",
      gallery.path().string(), ")");
  return std::nullopt;
}

void rename_threshold(Gallery& gallery, const std::string& from, const std::string& to,
                      bool merged) {
  const std::string text = gallery.note("calibration");
  if (text.empty() || from == to) return;
  Calibration calibration =
      calibration_from_toml(text, join("calibration in ", gallery.path().string()));
  auto& thresholds = calibration.label_thresholds;
  auto own = thresholds.extract(from);
  const bool stale = !merged && thresholds.erase(to) > 0;  // of a product that is gone
  if (own.empty() && !stale) return;
  if (!own.empty() && !merged) {
    own.key() = to;
    thresholds.insert(std::move(own));
  }
  gallery.write_note("calibration", to_toml(calibration));
}

}  // namespace shoplens
