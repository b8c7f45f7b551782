// SPDX-License-Identifier: Apache-2.0
#include "recognize/calibrate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/random.h"
#include "eval/logistic.h"

namespace shoplens {
namespace {

// Fewer say nothing about a rate of a few per cent.
constexpr std::size_t kLeastPhotos = 20;
constexpr int kFolds = 5;  // of the cross-validation

double share(std::int64_t part, std::int64_t all) {
  return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

double logit(double p) { return std::log(p / (1 - p)); }

// The probability that `share` of the strangers at most have more of; never 0 or 1, which would
// have no odds.
double threshold_of(std::span<const double> strangers, double share) {
  return std::clamp(threshold_for_false_accepts(strangers, share), 1e-9, 1 - 1e-9);
}

std::vector<double> weights_of(const std::vector<Outcome>& outcomes, double stranger_share) {
  const auto strangers = static_cast<double>(
      std::count_if(outcomes.begin(), outcomes.end(), [](const Outcome& o) { return o.stranger; }));
  const double known = static_cast<double>(outcomes.size()) - strangers;
  std::vector<double> weights;
  for (const Outcome& o : outcomes)
    weights.push_back(o.stranger ? stranger_share / strangers : (1 - stranger_share) / known);
  return weights;
}

void fit_weights(const std::vector<Outcome>& outcomes, double stranger_share,
                 Calibration& calibration) {
  std::vector<double> x;
  std::vector<std::uint8_t> right;
  for (const Outcome& o : outcomes) {
    x.insert(x.end(), {o.evidence.score, o.evidence.margin, o.evidence.agreement});
    right.push_back(o.right);
  }
  const auto fitted = fit_logistic(x, 3, right, weights_of(outcomes, stranger_share));
  std::copy(fitted.begin(), fitted.end(), calibration.weights.begin());
}

void fit_thresholds(const std::vector<Outcome>& outcomes, const CalibrateOptions& options,
                    Calibration& calibration) {
  std::vector<double> all;
  std::map<std::string, std::vector<double>> of_label;
  for (const Outcome& o : outcomes) {
    if (!o.stranger) continue;
    all.push_back(calibration.probability(o.evidence));
    of_label[o.answer].push_back(all.back());
  }
  calibration.threshold = threshold_of(all, options.false_accept_rate);
  for (const auto& [label, own] : of_label) {
    if (static_cast<int>(own.size()) < options.label_strangers) continue;
    const auto n = static_cast<double>(own.size());
    calibration.label_thresholds[label] =
        sigmoid((n * logit(threshold_of(own, options.false_accept_rate)) +
                 options.label_strangers * logit(calibration.threshold)) /
                (n + options.label_strangers));
  }
}

Calibration fit(const std::vector<Outcome>& outcomes, const CalibrateOptions& options) {
  Calibration calibration;
  calibration.false_accept_rate = options.false_accept_rate;
  fit_weights(outcomes, options.stranger_share, calibration);
  fit_thresholds(outcomes, options, calibration);
  return calibration;
}

std::vector<double> deciles_of_known_scores(const std::vector<Outcome>& outcomes) {
  std::vector<double> scores, deciles;
  for (const Outcome& o : outcomes)
    if (!o.stranger) scores.push_back(o.evidence.score);
  std::sort(scores.begin(), scores.end());
  for (std::size_t i = 1; i <= 9; ++i) deciles.push_back(scores[i * scores.size() / 10]);
  return deciles;
}

// Judges each outcome by a calibration learnt from the others.
void cross_validate(std::vector<Outcome>& outcomes, const CalibrateOptions& options) {
  std::vector<std::size_t> order(outcomes.size());
  std::iota(order.begin(), order.end(), 0);
  Random{1}.shuffle(order.begin(), order.end());
  // Known ones and strangers apart, so that each fold has its share of both.
  std::stable_partition(order.begin(), order.end(),
                        [&](std::size_t i) { return outcomes[i].stranger; });
  for (std::size_t fold = 0; fold < kFolds; ++fold) {
    std::vector<Outcome> others;
    for (std::size_t place = 0; place < order.size(); ++place)
      if (place % kFolds != fold) others.push_back(outcomes[order[place]]);
    const Calibration calibration = fit(others, options);
    for (std::size_t place = fold; place < order.size(); place += kFolds) {
      Outcome& outcome = outcomes[order[place]];
      outcome.probability = calibration.probability(outcome.evidence);
      outcome.unknown = calibration.unknown(outcome.answer, outcome.probability);
    }
  }
}

// Those of a list of photos whose place is in `rows`.
PhotoEmbeddings part_of(const PhotoEmbeddings& all, const std::vector<std::size_t>& rows) {
  PhotoEmbeddings part;
  part.dim = all.dim;
  const auto take = [&](const std::vector<float>& from, std::vector<float>& to) {
    const std::size_t width = from.size() / all.photos.size();
    for (const std::size_t row : rows)
      to.insert(to.end(), from.begin() + static_cast<std::ptrdiff_t>(row * width),
                from.begin() + static_cast<std::ptrdiff_t>((row + 1) * width));
  };
  take(all.embeddings, part.embeddings);
  take(all.class_probabilities, part.class_probabilities);
  for (const std::size_t row : rows) part.photos.push_back(all.photos[row]);
  return part;
}

GalleryContent without_labels(const GalleryContent& gallery, std::size_t dim,
                              const std::map<std::string, int>& part_of_label, int part) {
  GalleryContent rest;
  for (std::size_t i = 0; i < gallery.items.size(); ++i) {
    if (part_of_label.at(gallery.items[i].label) == part) continue;
    rest.items.push_back(gallery.items[i]);
    rest.vectors.insert(rest.vectors.end(),
                        gallery.vectors.begin() + static_cast<std::ptrdiff_t>(i * dim),
                        gallery.vectors.begin() + static_cast<std::ptrdiff_t>((i + 1) * dim));
  }
  return rest;
}

class Asker {
 public:
  Asker(const GalleryContent& gallery, const std::optional<GalleryArray>& whitening,
        const Pipeline& pipeline)
      : gallery_(gallery), whitening_(whitening), pipeline_(pipeline) {}

  // Appends the outcomes of photos with these labels.
  void ask(const Recognizer& recognizer, const PhotoEmbeddings& embedded,
           const std::vector<std::string>& labels, std::vector<Outcome>& outcomes) const {
    if (embedded.photos.empty()) return;
    const auto more = outcomes_of(
        recognizer, recognizer.answer(embedded.embeddings, embedded.class_probabilities), labels);
    outcomes.insert(outcomes.end(), more.begin(), more.end());
  }

  Recognizer recognizer(GalleryContent content) const {
    return {std::move(content),
            whitening_,
            pipeline_,
            {.decide = pipeline_.spec().decide},
            "the gallery"};
  }

  // Each photo of a product, asked of the gallery without that product and a part of the others.
  void ask_left_out(const PhotoEmbeddings& embedded, const std::vector<std::string>& labels,
                    int parts, std::vector<Outcome>& outcomes) const {
    std::vector<std::string> names;
    for (const auto& item : gallery_.items) names.push_back(item.label);
    names = number_labels(names).names;
    check(names.size() >= 4,
          "calibrate: want at least 4 products to leave some out, or photos of "
          "strangers; got ",
          names.size(), " products");
    parts = std::min(parts, static_cast<int>(names.size() / 2));
    Random{0}.shuffle(names.begin(), names.end());
    std::map<std::string, int> part_of_label;
    for (std::size_t i = 0; i < names.size(); ++i)
      part_of_label[names[i]] = static_cast<int>(i) % parts;
    const auto dim = static_cast<std::size_t>(pipeline_.dim());
    for (int part = 0; part < parts; ++part) {
      std::vector<std::size_t> rows;
      std::vector<std::string> of_rows;
      for (std::size_t row = 0; row < labels.size(); ++row) {
        const auto found = part_of_label.find(labels[row]);
        if (found == part_of_label.end() || found->second != part) continue;
        rows.push_back(row);
        of_rows.push_back(labels[row]);
      }
      if (rows.empty()) continue;
      ask(recognizer(without_labels(gallery_, dim, part_of_label, part)), part_of(embedded, rows),
          of_rows, outcomes);
    }
  }

 private:
  const GalleryContent& gallery_;
  const std::optional<GalleryArray>& whitening_;
  const Pipeline& pipeline_;
};

}  // namespace

std::vector<Outcome> outcomes_of(const Recognizer& recognizer, const std::vector<Answer>& answers,
                                 const std::vector<std::string>& labels) {
  check(answers.size() == labels.size(), "open set: want a label an answer, got ", labels.size(),
        " for ", answers.size());
  std::vector<Outcome> outcomes;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Answer& a = answers[i];
    outcomes.push_back({a.label, a.evidence, !recognizer.knows(labels[i]), a.label == labels[i],
                        a.probability.value_or(0), a.unknown});
  }
  return outcomes;
}

OpenSetReport open_set_report(const std::vector<Outcome>& outcomes) {
  OpenSetReport report;
  std::vector<double> known, strangers, known_cosines, stranger_cosines, probabilities;
  std::vector<std::uint8_t> right;
  std::int64_t false_accepts = 0, false_rejects = 0, named = 0, named_right = 0, fixed_accepts = 0,
               fixed_rejects = 0;
  for (const Outcome& o : outcomes) {
    (o.stranger ? strangers : known).push_back(o.probability);
    (o.stranger ? stranger_cosines : known_cosines).push_back(o.evidence.score);
    probabilities.push_back(o.probability);
    right.push_back(o.right);
    false_accepts += o.stranger && !o.unknown;
    false_rejects += !o.stranger && o.unknown;
    named += !o.stranger && !o.unknown;
    named_right += !o.stranger && !o.unknown && o.right;
    fixed_accepts += o.stranger && o.evidence.score > 0.5;
    fixed_rejects += !o.stranger && !(o.evidence.score > 0.5);
  }
  report.known = static_cast<std::int64_t>(known.size());
  report.strangers = static_cast<std::int64_t>(strangers.size());
  report.curve = open_set_curve(known, strangers);
  report.cosine_auroc = open_set_curve(known_cosines, stranger_cosines).auroc;
  report.false_accepts = share(false_accepts, report.strangers);
  report.false_rejects = share(false_rejects, report.known);
  report.accepted_right = share(named_right, named);
  report.fixed_false_accepts = share(fixed_accepts, report.strangers);
  report.fixed_false_rejects = share(fixed_rejects, report.known);
  report.calibration_error =
      expected_calibration_error(probabilities, right, std::vector<double>(outcomes.size(), 1.0));
  return report;
}

CalibrateResult calibrate(const GalleryContent& gallery,
                          const std::optional<GalleryArray>& whitening, const Pipeline& pipeline,
                          const Manifest& held_out, const PhotoEmbeddings& embedded,
                          const PhotoEmbeddings& strangers, const CalibrateOptions& options) {
  check(options.false_accept_rate > 0 && options.false_accept_rate < 1 &&
            options.stranger_share > 0 && options.stranger_share < 1,
        "calibrate: want a false-accept rate and a share of strangers between 0 and 1, got ",
        options.false_accept_rate, " and ", options.stranger_share);
  check(options.left_out >= 2 && options.label_strangers >= 1,
        "calibrate: want at least 2 parts to leave out and 1 stranger a label, got ",
        options.left_out, " and ", options.label_strangers);
  std::vector<std::string> labels;
  for (const std::int64_t photo : embedded.photos)
    labels.push_back(held_out.labels[static_cast<std::size_t>(photo)]);

  CalibrateResult result;
  const Asker asker(gallery, whitening, pipeline);
  const Recognizer whole = asker.recognizer(gallery);
  asker.ask(whole, embedded, labels, result.outcomes);
  asker.ask(whole, strangers, std::vector<std::string>(strangers.photos.size()), result.outcomes);
  const auto is_stranger = [](const Outcome& o) { return o.stranger; };
  if (std::none_of(result.outcomes.begin(), result.outcomes.end(), is_stranger))
    asker.ask_left_out(embedded, labels, options.left_out, result.outcomes);

  const auto unlike = static_cast<std::size_t>(
      std::count_if(result.outcomes.begin(), result.outcomes.end(), is_stranger));
  const std::size_t known = result.outcomes.size() - unlike;
  if (known < kLeastPhotos || unlike < kLeastPhotos)
    throw Error(ErrorCode::kBadInput,
                join("calibrate: want at least ", kLeastPhotos,
                     " photos of the gallery's products "
                     "and as many of strangers, got ",
                     known, " and ", unlike),
                "give more held-out photos; without --strangers each serves as both");
  result.calibration = fit(result.outcomes, options);
  result.calibration.score_deciles = deciles_of_known_scores(result.outcomes);
  result.calibration.settings = settings_hash(pipeline.spec());
  cross_validate(result.outcomes, options);
  result.report = open_set_report(result.outcomes);
  return result;
}

}  // namespace shoplens
