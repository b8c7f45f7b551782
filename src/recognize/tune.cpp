// SPDX-License-Identifier: Apache-2.0
#include "recognize/tune.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <unordered_set>

#include "core/error.h"

namespace shoplens {
namespace {

// A whole setting: what a trial changes a copy of.
struct Candidate {
  PipelineSpec spec;
  std::optional<GalleryArray> whitening{};
};

TuneFigures figures_of(const Evaluation& e) {
  return {e.accuracy, e.metrics.recall_at_5, e.metrics.map};
}

void add(TuneFigures& sum, const TuneFigures& figures, double share) {
  sum.accuracy += share * figures.accuracy;
  sum.recall_at_5 += share * figures.recall_at_5;
  sum.map += share * figures.map;
}

Manifest labels_only(Manifest photos) {
  photos.columns.clear();
  return photos;
}

// Parts with lists of labels alone: no other column is evaluated.
struct Parts {
  explicit Parts(const std::vector<TunePart>& of) : parts(of) {
    for (const TunePart& part : parts) {
      lists.push_back(labels_only(part.list));
      photos += static_cast<double>(part.embedded.photos.size());
    }
  }
  const std::vector<TunePart>& parts;
  std::vector<Manifest> lists;
  double photos = 0;
};

std::vector<Block> blocks_of(const TunePart& part, const PipelineSpec& spec) {
  std::vector<Block> blocks = part.blocks;
  for (std::size_t i = 0; i < blocks.size(); ++i)
    blocks[i].weight = spec.models[part.models[i]].weight;
  return blocks;
}

class Tuner {
 public:
  Tuner(const TuneData& data, double least_gain)
      : data_(data), least_gain_(least_gain), held_out_(data.held_out), report_(data.report) {}

  const Candidate& best() const { return best_; }
  std::size_t best_trial() const { return best_trial_; }
  std::vector<TuneTrial> trials() && { return std::move(trials_); }

  // Takes the candidate when it is better than the best by more than the least gain, or `must` be.
  void offer(const std::string& what, const Candidate& candidate, bool must = false) {
    const double score = try_out(what, candidate);
    if (!must && score <= trials_[best_trial_].score + least_gain_) return;
    trials_.back().kept = true;
    best_ = candidate;
    best_trial_ = trials_.size() - 1;
  }

  bool better_than_first() const {
    return trials_[best_trial_].score > trials_[0].score + least_gain_;
  }

  // The vectors of the only part's gallery before whitening.
  std::vector<float> weighed() const {
    const TunePart& part = data_.held_out.at(0);
    return project(part.gallery.vectors, blocks_of(part, best_.spec), {});
  }

 private:
  TuneFigures figures(const Parts& of, const Candidate& c) const {
    TuneFigures mean;
    for (std::size_t i = 0; i < of.parts.size(); ++i) {
      const TunePart& part = of.parts[i];
      const Matcher matcher(part.gallery.vectors, blocks_of(part, c.spec), c.spec, c.whitening);
      const Evaluation by_label = evaluate(part.gallery.items, matcher, of.lists[i], part.embedded,
                                           {c.spec.decide, data_.classes})[0];
      add(mean, figures_of(by_label), static_cast<double>(part.embedded.photos.size()) / of.photos);
    }
    return mean;
  }

  double try_out(const std::string& what, const Candidate& c) {
    const TuneFigures found = figures(held_out_, c);
    trials_.push_back({what, found, tune_score(found), false});
    if (!report_.parts.empty()) trials_.back().report = figures(report_, c);
    return trials_.back().score;
  }

  const TuneData& data_;
  double least_gain_;
  Parts held_out_, report_;
  Candidate best_;
  std::size_t best_trial_ = 0;
  std::vector<TuneTrial> trials_;
};

void tune_weights(Tuner& tuner, const std::vector<std::vector<std::size_t>>& alike) {
  if (alike.size() < 2) return;
  for (int sweep = 0; sweep < 2; ++sweep) {
    const std::size_t before = tuner.best_trial();
    for (const auto& models : alike)
      for (const double factor : {0.5, 0.7, 1.4, 2.0}) {
        Candidate c = tuner.best();
        std::string what = models.size() > 1 ? "weight of models" : "weight of model";
        for (const std::size_t i : models) {
          c.spec.models[i].weight *= factor;
          what += join(" ", i + 1);
        }
        tuner.offer(join(what, ": ", c.spec.models[models[0]].weight), c);
      }
    if (tuner.best_trial() == before) return;
  }
}

// Above this finding them takes minutes, for every fold: then whitening is tried when asked for.
constexpr int kMostComponents = 1024;

void tune_whitening(Tuner& tuner, int dim, int wanted) {
  const std::vector<float> vectors = tuner.weighed();
  const auto rows = static_cast<int>(vectors.size()) / dim;
  std::vector<int> sizes{dim / 8, dim / 4, dim / 2};
  if (wanted > 0)
    sizes = {wanted};
  else if (std::min(dim, rows) > kMostComponents)
    return;
  const PrincipalComponents components(vectors, dim);
  bool must = wanted > 0;  // the first of the stated size, then what betters it
  for (const int out : sizes) {
    if (wanted == 0 && (out < 16 || out >= rows)) continue;
    for (const double power : {0.0, 0.5, 1.0}) {
      Candidate c = tuner.best();
      c.whitening = to_array(components.map(out, power));
      c.spec.whiten = out;
      tuner.offer(join("whiten to ", out, ", power ", power), c, must);
      must = false;
    }
  }
}

// Parts of some of the networks have no space in common that could be shortened.
bool has_all_models(const std::vector<TunePart>& parts, const PipelineSpec& spec) {
  return parts.size() == 1 && parts[0].models.size() == spec.models.size();
}

void tune_expansion(Tuner& tuner, const char* what, ExpansionOptions RankingOptions::* member) {
  for (const int k : {2, 4, 8, 16})
    for (const double alpha : {1.0, 3.0}) {
      Candidate c = tuner.best();
      c.spec.ranking.*member = {k, alpha};
      tuner.offer(join(what, ", k ", k, ", alpha ", alpha), c);
    }
}

void tune_reranking(Tuner& tuner) {
  for (const KReciprocalOptions& options :
       {KReciprocalOptions{10, 3, 0.3}, KReciprocalOptions{20, 6, 0.3},
        KReciprocalOptions{20, 6, 0.6}, KReciprocalOptions{30, 6, 0.3}}) {
    Candidate c = tuner.best();
    c.spec.ranking.rerank = true;
    c.spec.ranking.k_reciprocal = options;
    tuner.offer(join("re-rank, k1 ", options.k1, ", k2 ", options.k2, ", lambda ", options.lambda),
                c);
  }
}

void tune_vote(Tuner& tuner, bool classes) {
  for (const int k : {5, 10, 20})
    for (const double temperature : {0.02, 0.05, 0.1}) {
      Candidate c = tuner.best();
      c.spec.decide.vote = Vote::kWeighted;
      c.spec.decide.k = k;
      c.spec.decide.temperature = temperature;
      tuner.offer(join("weighted vote, k ", k, ", temperature ", temperature), c);
    }
  if (!classes) return;
  for (const double power : {1.0, 3.0, 10.0}) {
    Candidate c = tuner.best();
    c.spec.decide.vote = Vote::kClasses;
    c.spec.decide.k = 5;
    c.spec.decide.class_power = power;
    tuner.offer(join("vote by classes, power ", power), c);
  }
}

// The places of the embedded photos whose label the gallery has, dealt out in the order of their
// labels.
std::vector<std::vector<std::size_t>> deal(const TunePart& part, std::size_t folds) {
  std::unordered_set<std::string> known;
  for (const GalleryItem& item : part.gallery.items) known.insert(item.label);
  const auto label = [&](std::size_t place) -> const std::string& {
    return part.list.labels[static_cast<std::size_t>(part.embedded.photos[place])];
  };
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < part.embedded.photos.size(); ++i)
    if (known.contains(label(i))) places.push_back(i);
  std::stable_sort(places.begin(), places.end(),
                   [&](std::size_t a, std::size_t b) { return label(a) < label(b); });
  std::vector<std::vector<std::size_t>> dealt(folds);
  for (std::size_t i = 0; i < places.size(); ++i) dealt[i % folds].push_back(places[i]);
  for (auto& fold : dealt) std::sort(fold.begin(), fold.end());
  return dealt;
}

PhotoEmbeddings rows_of(const PhotoEmbeddings& all, const std::vector<std::size_t>& places) {
  PhotoEmbeddings out;
  out.dim = all.dim;
  const auto copy = [&](const std::vector<float>& from, std::vector<float>& to) {
    const std::size_t width = from.size() / all.photos.size();
    for (const std::size_t place : places) {
      const auto row = std::span(from).subspan(place * width, width);
      to.insert(to.end(), row.begin(), row.end());
    }
  };
  for (const std::size_t place : places) out.photos.push_back(all.photos[place]);
  copy(all.embeddings, out.embeddings);
  copy(all.class_probabilities, out.class_probabilities);
  return out;
}

// A round of cross-validation: what chooses, and what is asked about with it.
struct Round {
  std::vector<TunePart> choosing, asking;
};

// The parts of dealt photos, which rounds refer to.
struct DealtPhotos {
  PhotoEmbeddings choosing, asking;
};

std::vector<Round> rounds_of(const std::vector<TunePart>& parts) {
  std::vector<Round> rounds;
  for (std::size_t left_out = 0; left_out < parts.size(); ++left_out) {
    Round& round = rounds.emplace_back();
    for (std::size_t i = 0; i < parts.size(); ++i)
      (i == left_out ? round.asking : round.choosing).push_back(parts[i]);
  }
  return rounds;
}

// Of one part, whose photos `dealt` keeps; none when there are fewer photos than folds.
std::vector<Round> rounds_of(const TunePart& part, std::size_t folds,
                             std::vector<DealtPhotos>& dealt) {
  const auto places = deal(part, folds);
  if (places.back().empty()) return {};
  for (std::size_t left_out = 0; left_out < folds; ++left_out) {
    std::vector<std::size_t> others;
    for (std::size_t fold = 0; fold < folds; ++fold)
      if (fold != left_out) others.insert(others.end(), places[fold].begin(), places[fold].end());
    std::sort(others.begin(), others.end());
    dealt.push_back({rows_of(part.embedded, others), rows_of(part.embedded, places[left_out])});
  }
  std::vector<Round> rounds;
  for (const DealtPhotos& photos : dealt) {
    const auto of = [&](const PhotoEmbeddings& embedded) {
      return std::vector<TunePart>{{part.gallery, part.blocks, part.models, part.list, embedded}};
    };
    rounds.push_back({of(photos.choosing), of(photos.asking)});
  }
  return rounds;
}

}  // namespace

TuneData tune_data(const GalleryContent& gallery, const std::optional<GalleryArray>& whitening,
                   const std::vector<Block>& blocks, const std::vector<std::string>& classes,
                   const Manifest& list, const PhotoEmbeddings& embedded) {
  std::vector<std::size_t> models(blocks.size());
  std::iota(models.begin(), models.end(), 0);
  TuneData data{whitening, classes, {}, {{gallery, blocks, models, list, embedded}}};
  for (const std::size_t model : models) data.alike.push_back({model});
  return data;
}

double tune_score(const TuneFigures& f) { return (f.accuracy + f.recall_at_5 + f.map) / 3; }

bool is_gain(const TuneFigures& before, const TuneFigures& after, double least_gain) {
  return tune_score(after) > tune_score(before) + least_gain && after.accuracy >= before.accuracy;
}

TuneResult tune(const PipelineSpec& spec, const TuneData& data, int whiten, double least_gain) {
  const Candidate own{spec, data.whitening};
  Candidate plain{spec};
  plain.spec.whiten = 0;
  plain.spec.ranking = {};
  plain.spec.ranking.recall = spec.ranking.recall;  // how a gallery is searched
  plain.spec.decide.vote = Vote::kTop1;
  Tuner tuner(data, least_gain);
  tuner.offer("as it is", own, true);
  tuner.offer("its weights alone", plain, true);
  tune_weights(tuner, data.alike);
  TuneResult result;
  result.unwhitened = tuner.best_trial();
  const bool one_space = has_all_models(data.held_out, spec);
  check(whiten == 0 || one_space, "tune: want one part of all networks to whiten, got ",
        data.held_out.size());
  if (one_space) tune_whitening(tuner, dim_of(data.held_out[0].blocks), whiten);
  result.whitened = tuner.best_trial();
  tune_expansion(tuner, "augment the gallery", &RankingOptions::augment);
  tune_expansion(tuner, "expand queries", &RankingOptions::expand);
  tune_reranking(tuner);
  tune_vote(tuner, !data.classes.empty());
  const bool changes = whiten > 0 || tuner.better_than_first();
  const Candidate& best = changes ? tuner.best() : own;
  result.spec = best.spec;
  result.whitening = best.whitening;
  result.chosen = changes ? tuner.best_trial() : 0;
  result.trials = std::move(tuner).trials();
  return result;
}

std::optional<TuneCrossValidation> cross_validate_tune(const PipelineSpec& spec,
                                                       const TuneData& data, int whiten, int folds,
                                                       double least_gain) {
  check(folds >= 2, "tune: want at least 2 folds, got ", folds);
  std::vector<DealtPhotos> dealt;
  const std::vector<Round> rounds =
      data.held_out.size() > 1
          ? rounds_of(data.held_out)
          : rounds_of(data.held_out.at(0), static_cast<std::size_t>(folds), dealt);
  if (rounds.empty()) return std::nullopt;
  const auto asked_in = [](const Round& round) {
    return static_cast<double>(round.asking[0].embedded.photos.size());
  };
  double photos = 0;
  for (const Round& round : rounds) photos += asked_in(round);
  TuneCrossValidation mean;
  for (const Round& round : rounds) {
    const TuneResult result =
        tune(spec, {data.whitening, data.classes, data.alike, round.choosing, round.asking}, whiten,
             least_gain);
    const double share = asked_in(round) / photos;
    const auto add_trial = [&](TuneFigures& to, std::size_t trial) {
      add(to, *result.trials[trial].report, share);
    };
    add_trial(mean.before, 0);
    add_trial(mean.after, result.chosen);
    add_trial(mean.unwhitened, result.unwhitened);
    add_trial(mean.whitened, result.whitened);
  }
  return mean;
}

}  // namespace shoplens
