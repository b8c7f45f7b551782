// SPDX-License-Identifier: Apache-2.0
#include "recognize/pipeline_spec.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "core/error.h"
#include "core/hash.h"

namespace shoplens {
namespace {

std::string exact(double x) {
  std::ostringstream out;
  out.precision(std::numeric_limits<double>::max_digits10);
  out << x;
  return out.str();
}

template <class... Parts>
[[noreturn]] void corrupt(const std::string& source, const Parts&... parts) {
  throw Error(ErrorCode::kCorrupt, join("pipeline: ", parts..., " (", source, ")"));
}

// The value of a key that must be there.
template <class T>
T value(const toml::table& table, const char* key, const std::string& source) {
  const auto found = table[key].value<T>();
  if (!found) corrupt(source, "want the key ", key, ", found none of its type");
  return *found;
}

void check_keys(const toml::table& table, std::initializer_list<std::string_view> known,
                const std::string& source) {
  for (const auto& [key, node] : table)
    if (std::find(known.begin(), known.end(), key.str()) == known.end())
      corrupt(source, "unknown key ", key.str());
}

}  // namespace

std::string to_toml(const PipelineSpec& spec) {
  toml::array models;
  for (const PipelineModel& m : spec.models)
    models.push_back(
        toml::table{{"path", m.path}, {"fingerprint", m.fingerprint}, {"weight", m.weight}});
  std::ostringstream out;
  out << toml::table{{"tta", to_string(spec.tta)}, {"model", std::move(models)}} << '\n';
  return out.str();
}

PipelineSpec pipeline_from_toml(const std::string& text, const std::string& source) {
  toml::table table;
  try {
    table = toml::parse(text, source);
  } catch (const toml::parse_error& e) {
    corrupt(source, "line ", e.source().begin.line, " is not TOML: ", e.description());
  }
  check_keys(table, {"tta", "model"}, source);
  PipelineSpec spec;
  const auto tta = value<std::string>(table, "tta", source);
  if (tta != "none" && tta != "hflip") corrupt(source, "tta: want none or hflip, got ", tta);
  spec.tta = tta_from_string(tta);
  const toml::array* const models = table["model"].as_array();
  if (!models || models->empty()) corrupt(source, "want at least one [[model]]");
  for (const toml::node& node : *models) {
    const toml::table* const model = node.as_table();
    if (!model) corrupt(source, "want [[model]] to be tables");
    check_keys(*model, {"path", "fingerprint", "weight"}, source);
    spec.models.push_back({value<std::string>(*model, "path", source),
                           value<std::string>(*model, "fingerprint", source),
                           value<double>(*model, "weight", source)});
    const double weight = spec.models.back().weight;
    if (!(weight > 0) || !std::isfinite(weight))
      corrupt(source, "weight: want a number above 0, got ", weight);
  }
  return spec;
}

PipelineSpec pipeline_of(const Gallery& gallery) {
  const std::string text = gallery.note("pipeline");
  if (text.empty()) return {.models = {{gallery.model().path, gallery.model().fingerprint}}};
  return pipeline_from_toml(text, gallery.path().string());
}

std::string fingerprint_of(const PipelineSpec& spec) {
  if (spec.models.size() == 1) return spec.models[0].fingerprint;
  Sha256 hash;
  for (const PipelineModel& m : spec.models)
    hash.update(join(m.fingerprint, '\t', exact(m.weight), '\n'));
  return hash.hex();
}

}  // namespace shoplens
