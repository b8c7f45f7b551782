// SPDX-License-Identifier: Apache-2.0
#include "recognize/pipeline_spec.h"

#include <toml++/toml.h>

#include <cmath>
#include <set>
#include <sstream>

#include "core/error.h"
#include "core/hash.h"

namespace shoplens {
namespace {

template <class... Parts>
[[noreturn]] void corrupt(const std::string& source, const Parts&... parts) {
  throw Error(ErrorCode::kCorrupt, join("pipeline: ", parts..., " (", source, ")"));
}

// A table's keys, each asked for once with what it is when it is not there; whatever nobody asked
// for is unknown.
class Keys {
 public:
  Keys(const toml::table& table, const std::string& source) : table_(table), source_(source) {}
  template <class T>
  void read(const char* key, T& into) {
    asked_.insert(key);
    if (!table_.contains(key)) return;
    auto found = table_[key].value<T>();
    if (std::is_same_v<T, bool> && !table_[key].is_boolean()) found.reset();  // 1 is no boolean
    if (!found) corrupt(source_, key, ": want a value of another type");
    into = *found;
  }
  template <class T>
  void read_at_least(const char* key, T least, T& into) {
    read(key, into);
    if (!(into >= least) || !std::isfinite(static_cast<double>(into)))
      corrupt(source_, key, ": want at least ", least, ", got ", into);
  }
  // A table or an array of them, which toml::table::value does not give.
  template <class T>
  void read_node(const char* key, T& into) {
    asked_.insert(key);
    if (!table_.contains(key)) return;
    const T* const found = table_[key].as<T>();
    if (!found) corrupt(source_, key, ": want a value of another type");
    into = *found;
  }
  // A word by what `parse` makes of it.
  template <class T, class Parse>
  void read_word(const char* key, const Parse& parse, T& into) {
    std::string word;
    read(key, word);
    if (word.empty()) return;
    try {
      into = parse(word);
    } catch (const Error& e) {
      corrupt(source_, e.what());
    }
  }
  void end() const {
    for (const auto& [key, node] : table_)
      if (!asked_.contains(std::string(key.str()))) corrupt(source_, "unknown key ", key.str());
  }

 private:
  const toml::table& table_;
  const std::string& source_;
  std::set<std::string> asked_;
};

const char* to_string(Norm norm) { return norm == Norm::kEach ? "each" : "joint"; }

Norm norm_from_string(const std::string& word) {
  check(word == "each" || word == "joint", "norm: want each or joint, got ", word);
  return word == "each" ? Norm::kEach : Norm::kJoint;
}

void read_model(const toml::table& table, const std::string& source, PipelineModel& model) {
  Keys keys(table, source);
  keys.read("path", model.path);
  keys.read("fingerprint", model.fingerprint);
  keys.read("weight", model.weight);
  keys.end();
  if (model.path.empty()) corrupt(source, "want the key path in [[model]], found none");
  if (!(model.weight > 0) || !std::isfinite(model.weight))
    corrupt(source, "weight: want a number above 0, got ", model.weight);
}

void read_ranking(const toml::table& table, const std::string& source, PipelineSpec& spec) {
  RankingOptions& r = spec.ranking;
  Keys keys(table, source);
  keys.read_at_least("whiten", 0, spec.whiten);
  keys.read_at_least("augment_k", 0, r.augment.k);
  keys.read_at_least("augment_alpha", 0.0, r.augment.alpha);
  keys.read_at_least("expand_k", 0, r.expand.k);
  keys.read_at_least("expand_alpha", 0.0, r.expand.alpha);
  keys.read("rerank", r.rerank);
  keys.read_at_least("rerank_k1", 2, r.k_reciprocal.k1);
  keys.read_at_least("rerank_k2", 1, r.k_reciprocal.k2);
  keys.read_at_least("rerank_lambda", 0.0, r.k_reciprocal.lambda);
  keys.end();
}

void read_decide(const toml::table& table, const std::string& source, DecideOptions& decide) {
  Keys keys(table, source);
  keys.read_word("vote", vote_from_string, decide.vote);
  keys.read_at_least("k", 1, decide.k);
  keys.read("temperature", decide.temperature);
  keys.read_at_least("cosine_power", 0.0, decide.cosine_power);
  keys.read_at_least("class_power", 0.0, decide.class_power);
  keys.end();
  if (!(decide.temperature > 0))
    corrupt(source, "temperature: want a number above 0, got ", decide.temperature);
}

}  // namespace

std::string to_toml(const PipelineSpec& spec) {
  toml::array models;
  for (const PipelineModel& m : spec.models)
    models.push_back(
        toml::table{{"path", m.path}, {"fingerprint", m.fingerprint}, {"weight", m.weight}});
  const RankingOptions& r = spec.ranking;
  const DecideOptions& d = spec.decide;
  std::ostringstream out;
  out << toml::table{{"tta", to_string(spec.tta)},
                     {"norm", to_string(spec.norm)},
                     {"model", std::move(models)},
                     {"ranking", toml::table{{"whiten", spec.whiten},
                                             {"augment_k", r.augment.k},
                                             {"augment_alpha", r.augment.alpha},
                                             {"expand_k", r.expand.k},
                                             {"expand_alpha", r.expand.alpha},
                                             {"rerank", r.rerank},
                                             {"rerank_k1", r.k_reciprocal.k1},
                                             {"rerank_k2", r.k_reciprocal.k2},
                                             {"rerank_lambda", r.k_reciprocal.lambda}}},
                     {"decide", toml::table{{"vote", to_string(d.vote)},
                                            {"k", d.k},
                                            {"temperature", d.temperature},
                                            {"cosine_power", d.cosine_power},
                                            {"class_power", d.class_power}}}}
      << '\n';
  return out.str();
}

PipelineSpec pipeline_from_toml(const std::string& text, const std::string& source) {
  toml::table table;
  try {
    table = toml::parse(text, source);
  } catch (const toml::parse_error& e) {
    corrupt(source, "line ", e.source().begin.line, " is not TOML: ", e.description());
  }
  PipelineSpec spec;
  Keys keys(table, source);
  keys.read_word("tta", tta_from_string, spec.tta);
  keys.read_word("norm", norm_from_string, spec.norm);
  toml::array models;
  toml::table ranking, decide;
  keys.read_node("model", models);
  keys.read_node("ranking", ranking);
  keys.read_node("decide", decide);
  keys.end();
  for (const toml::node& node : models) {
    const toml::table* const model = node.as_table();
    if (!model) corrupt(source, "want [[model]] to be tables");
    read_model(*model, source, spec.models.emplace_back());
  }
  if (spec.models.empty()) corrupt(source, "want at least one [[model]]");
  read_ranking(ranking, source, spec);
  read_decide(decide, source, spec.decide);
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
  for (const PipelineModel& m : spec.models) hash.update(join(m.fingerprint, '\n'));
  if (spec.norm == Norm::kJoint) hash.update(std::string_view("joint\n"));
  return hash.hex();
}

}  // namespace shoplens
