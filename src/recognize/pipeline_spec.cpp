// SPDX-License-Identifier: Apache-2.0
#include "recognize/pipeline_spec.h"

#include <sstream>

#include "core/error.h"
#include "core/hash.h"
#include "recognize/toml_keys.h"

namespace shoplens {
namespace {

const char* to_string(Norm norm) { return norm == Norm::kEach ? "each" : "joint"; }

Norm norm_from_string(const std::string& word) {
  check(word == "each" || word == "joint", "norm: want each or joint, got ", word);
  return word == "each" ? Norm::kEach : Norm::kJoint;
}

void read_model(const toml::table& table, const std::string& source, PipelineModel& model) {
  TomlKeys keys(table, source);
  keys.read("path", model.path);
  keys.read("fingerprint", model.fingerprint);
  keys.read("weight", model.weight);
  keys.end();
  if (model.path.empty()) corrupt_toml(source, "want the key path in [[model]], found none");
  if (!(model.weight > 0) || !std::isfinite(model.weight))
    corrupt_toml(source, "weight: want a number above 0, got ", model.weight);
}

void read_ranking(const toml::table& table, const std::string& source, PipelineSpec& spec) {
  RankingOptions& r = spec.ranking;
  TomlKeys keys(table, source);
  keys.read_at_least("whiten", 0, spec.whiten);
  keys.read_at_least("augment_k", 0, r.augment.k);
  keys.read_at_least("augment_alpha", 0.0, r.augment.alpha);
  keys.read_at_least("expand_k", 0, r.expand.k);
  keys.read_at_least("expand_alpha", 0.0, r.expand.alpha);
  keys.read("rerank", r.rerank);
  keys.read_at_least("rerank_k1", 2, r.k_reciprocal.k1);
  keys.read_at_least("rerank_k2", 1, r.k_reciprocal.k2);
  keys.read_at_least("rerank_lambda", 0.0, r.k_reciprocal.lambda);
  keys.read_at_least("recall", 0.0, r.recall);
  keys.end();
  if (r.recall > 1) corrupt_toml(source, "recall: want a number from 0 to 1, got ", r.recall);
}

void read_decide(const toml::table& table, const std::string& source, DecideOptions& decide) {
  TomlKeys keys(table, source);
  keys.read_word("vote", vote_from_string, decide.vote);
  keys.read_at_least("k", 1, decide.k);
  keys.read("temperature", decide.temperature);
  keys.read_at_least("cosine_power", 0.0, decide.cosine_power);
  keys.read_at_least("class_power", 0.0, decide.class_power);
  keys.end();
  if (!(decide.temperature > 0))
    corrupt_toml(source, "temperature: want a number above 0, got ", decide.temperature);
}

}  // namespace

std::string to_toml(const PipelineSpec& spec) {
  toml::array models;
  for (const PipelineModel& m : spec.models)
    models.push_back(
        toml::table{{"path", m.path}, {"fingerprint", m.fingerprint}, {"weight", m.weight}});
  const RankingOptions& r = spec.ranking;
  const DecideOptions& d = spec.decide;
  toml::table ranking{{"whiten", spec.whiten},
                      {"augment_k", r.augment.k},
                      {"augment_alpha", r.augment.alpha},
                      {"expand_k", r.expand.k},
                      {"expand_alpha", r.expand.alpha},
                      {"rerank", r.rerank},
                      {"rerank_k1", r.k_reciprocal.k1},
                      {"rerank_k2", r.k_reciprocal.k2},
                      {"rerank_lambda", r.k_reciprocal.lambda}};
  if (r.recall > 0) ranking.insert("recall", r.recall);  // else the text stays what it always was
  std::ostringstream out;
  out << toml::table{{"tta", to_string(spec.tta)},
                     {"norm", to_string(spec.norm)},
                     {"model", std::move(models)},
                     {"ranking", std::move(ranking)},
                     {"decide", toml::table{{"vote", to_string(d.vote)},
                                            {"k", d.k},
                                            {"temperature", d.temperature},
                                            {"cosine_power", d.cosine_power},
                                            {"class_power", d.class_power}}}}
      << '\n';
  return out.str();
}

PipelineSpec pipeline_from_toml(const std::string& text, const std::string& source) {
  const toml::table table = parse_toml(text, source);
  PipelineSpec spec;
  TomlKeys keys(table, source);
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
    if (!model) corrupt_toml(source, "want [[model]] to be tables");
    read_model(*model, source, spec.models.emplace_back());
  }
  if (spec.models.empty()) corrupt_toml(source, "want at least one [[model]]");
  read_ranking(ranking, source, spec);
  read_decide(decide, source, spec.decide);
  return spec;
}

PipelineSpec pipeline_of(const Gallery& gallery) {
  const std::string text = gallery.note("pipeline");
  if (text.empty()) return {.models = {{gallery.model().path, gallery.model().fingerprint}}};
  return pipeline_from_toml(text, join("pipeline in ", gallery.path().string()));
}

PipelineSpec located_pipeline_of(const Gallery& gallery, const std::vector<std::string>& models) {
  PipelineSpec spec = pipeline_of(gallery);
  check(models.empty() || models.size() == spec.models.size(), "pipeline: want all ",
        spec.models.size(), " models of the gallery, in its order, got ", models.size(), " (",
        gallery.path().string(), ")");
  for (std::size_t i = 0; i < spec.models.size(); ++i)
    spec.models[i].path =
        models.empty() ? gallery.find_model(spec.models[i].path).string() : models[i];
  return spec;
}

void replace_pipeline(Gallery& gallery, const PipelineSpec& before, const PipelineSpec& spec,
                      const std::optional<GalleryArray>& whitening) {
  std::map<std::string, GalleryArray> arrays;
  if (spec.whiten > 0) arrays["whitening"] = whitening.value();
  gallery.transact([&] {
    if (to_toml(pipeline_of(gallery)) != to_toml(before))
      throw Error(ErrorCode::kBadInput,
                  join("pipeline: want it as it was when this began, another process changed it (",
                       gallery.path().string(), ")"),
                  "run the command again");
    gallery.configure({{"pipeline", to_toml(spec)}}, arrays);
  });
}

void check_fingerprint(const PipelineModel& model, const std::string& got) {
  if (model.fingerprint == got) return;
  throw Error(
      ErrorCode::kBadInput,
      join("pipeline: want the model with the fingerprint ", model.fingerprint.substr(0, 12),
           ", got ", got.substr(0, 12), " (", model.path, ")"),
      "its vectors cannot be compared; give the model that the gallery was built with");
}

std::string fingerprint_of(const PipelineSpec& spec) {
  if (spec.models.size() == 1) return spec.models[0].fingerprint;
  Sha256 hash;
  for (const PipelineModel& m : spec.models) hash.update(join(m.fingerprint, '\n'));
  if (spec.norm == Norm::kJoint) hash.update(std::string_view("joint\n"));
  return hash.hex();
}

}  // namespace shoplens
