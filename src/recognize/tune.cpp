// SPDX-License-Identifier: Apache-2.0
#include "recognize/tune.h"

#include <algorithm>
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

Manifest labels_only(Manifest photos) {
  photos.columns.clear();
  return photos;
}

class Tuner {
 public:
  Tuner(const TuneData& data, double least_gain)
      : data_(data), least_gain_(least_gain), held_out_(labels_only(data.held_out.list)) {
    if (data.report) report_ = labels_only(data.report->list);
  }

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

  // The networks' parts of a vector, with the weights of `spec`.
  std::vector<Block> blocks_of(const PipelineSpec& spec) const {
    std::vector<Block> blocks = data_.blocks;
    for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i].weight = spec.models[i].weight;
    return blocks;
  }

  // The gallery's vectors before whitening.
  std::vector<float> weighed() const {
    return project(data_.gallery.vectors, blocks_of(best_.spec), {});
  }

 private:
  double try_out(const std::string& what, const Candidate& c) {
    const Matcher matcher(data_.gallery.vectors, blocks_of(c.spec), c.spec, c.whitening);
    const auto by_label = [&](const Manifest& photos, const PhotoEmbeddings& embedded) {
      return evaluate(data_.gallery.items, matcher, photos, embedded,
                      {c.spec.decide, data_.classes})[0];
    };
    const TuneFigures figures = figures_of(by_label(held_out_, data_.held_out.embedded));
    trials_.push_back({what, figures, tune_score(figures), false});
    if (data_.report) trials_.back().report = figures_of(by_label(report_, data_.report->embedded));
    return trials_.back().score;
  }

  const TuneData& data_;
  double least_gain_;
  Manifest held_out_, report_;
  Candidate best_;
  std::size_t best_trial_ = 0;
  std::vector<TuneTrial> trials_;
};

void tune_weights(Tuner& tuner) {
  const std::size_t models = tuner.best().spec.models.size();
  if (models < 2) return;
  for (int sweep = 0; sweep < 2; ++sweep) {
    const std::size_t before = tuner.best_trial();
    for (std::size_t i = 0; i < models; ++i)
      for (const double factor : {0.5, 0.7, 1.4, 2.0}) {
        Candidate c = tuner.best();
        const double weight = c.spec.models[i].weight *= factor;
        tuner.offer(join("weight of model ", i + 1, ": ", weight), c);
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
std::vector<std::vector<std::size_t>> deal(const TuneData& data, std::size_t folds) {
  std::unordered_set<std::string> known;
  for (const GalleryItem& item : data.gallery.items) known.insert(item.label);
  const auto& list = data.held_out.list;
  const auto& embedded = data.held_out.embedded;
  const auto label = [&](std::size_t place) -> const std::string& {
    return list.labels[static_cast<std::size_t>(embedded.photos[place])];
  };
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < embedded.photos.size(); ++i)
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

void add(TuneFigures& sum, const TuneFigures& figures, double share) {
  sum.accuracy += share * figures.accuracy;
  sum.recall_at_5 += share * figures.recall_at_5;
  sum.map += share * figures.map;
}

}  // namespace

double tune_score(const TuneFigures& f) { return (f.accuracy + f.recall_at_5 + f.map) / 3; }

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
  tune_weights(tuner);
  TuneResult result;
  result.unwhitened = tuner.best_trial();
  tune_whitening(tuner, dim_of(data.blocks), whiten);
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
  const auto dealt = deal(data, static_cast<std::size_t>(folds));
  if (dealt.back().empty()) return std::nullopt;
  std::size_t photos = 0;
  for (const auto& fold : dealt) photos += fold.size();
  TuneCrossValidation mean;
  for (std::size_t left_out = 0; left_out < dealt.size(); ++left_out) {
    std::vector<std::size_t> others;
    for (std::size_t fold = 0; fold < dealt.size(); ++fold)
      if (fold != left_out) others.insert(others.end(), dealt[fold].begin(), dealt[fold].end());
    std::sort(others.begin(), others.end());
    const PhotoEmbeddings choosing = rows_of(data.held_out.embedded, others),
                          asking = rows_of(data.held_out.embedded, dealt[left_out]);
    const Manifest& list = data.held_out.list;
    const TuneResult result = tune(spec,
                                   {data.gallery,
                                    data.whitening,
                                    data.blocks,
                                    data.classes,
                                    {list, choosing},
                                    TunePhotos{list, asking}},
                                   whiten, least_gain);
    const double share = static_cast<double>(dealt[left_out].size()) / static_cast<double>(photos);
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
