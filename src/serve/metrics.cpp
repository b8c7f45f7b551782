// SPDX-License-Identifier: Apache-2.0
#include "serve/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>

namespace shoplens {
namespace {

constexpr std::size_t kRecentScores = 1000;
// With n scores of the calibration's own photos the index is 9/n in the mean: of fewer it says
// nothing.
constexpr std::size_t kFewestScores = 200;

const prometheus::Histogram::BucketBoundaries kSeconds{
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10},
    kPhotos{1, 2, 4, 8, 16, 32, 64};

}  // namespace

struct Metrics::State {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>&requests =
      prometheus::BuildCounter()
          .Name("shoplens_requests_total")
          .Help("Requests answered, by route and status")
          .Register(registry),
  &answers = prometheus::BuildCounter()
                 .Name("shoplens_photos_total")
                 .Help("Photos answered")
                 .Register(registry),
  &refusals = prometheus::BuildCounter()
                  .Name("shoplens_refused_total")
                  .Help("Requests that were not taken, by reason")
                  .Register(registry);
  prometheus::Family<prometheus::Histogram>&seconds =
      prometheus::BuildHistogram()
          .Name("shoplens_request_seconds")
          .Help("From the first byte of a request to its answer")
          .Register(registry),
  &stages = prometheus::BuildHistogram()
                .Name("shoplens_stage_seconds")
                .Help("Parts of a recognition")
                .Register(registry),
  &batches = prometheus::BuildHistogram()
                 .Name("shoplens_batch_photos")
                 .Help("Photos in one network call")
                 .Register(registry);
  prometheus::Counter &known = answers.Add({{"answer", "known"}}),
                      &unknown = answers.Add({{"answer", "unknown"}});
  prometheus::Histogram& batch = batches.Add({}, kPhotos);

  mutable std::mutex mutex;  // of what follows
  std::map<std::string, std::function<double()>> watched;
  std::vector<double> deciles;  // of the calibration that what follows was answered with
  std::vector<double> scores;   // the latest, in a ring
  std::size_t next = 0;
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

void Metrics::request(const std::string& route, int status, double seconds) {
  state_->requests.Add({{"route", route}, {"status", std::to_string(status)}}).Increment();
  state_->seconds.Add({{"route", route}}, kSeconds).Observe(seconds);
}

void Metrics::stage(const std::string& stage, double seconds) {
  state_->stages.Add({{"stage", stage}}, kSeconds).Observe(seconds);
}

void Metrics::batch(int photos) { state_->batch.Observe(photos); }

void Metrics::answer(bool unknown, std::optional<double> score,
                     const std::vector<double>& score_deciles) {
  (unknown ? state_->unknown : state_->known).Increment();
  if (!score || score_deciles.empty()) return;
  const std::lock_guard lock(state_->mutex);
  if (state_->deciles != score_deciles) {  // scores of another model are no measure
    state_->deciles = score_deciles;
    state_->scores.clear();
    state_->next = 0;
  }
  if (state_->scores.size() < kRecentScores)
    state_->scores.push_back(*score);
  else
    state_->scores[state_->next++ % kRecentScores] = *score;
}

void Metrics::refused(const std::string& why) {
  state_->refusals.Add({{"reason", why}}).Increment();
}

void Metrics::watch(const std::string& gauge, std::function<double()> value) {
  const std::lock_guard lock(state_->mutex);
  state_->watched[gauge] = std::move(value);
}

std::pair<std::int64_t, std::int64_t> Metrics::answers() const {
  const auto unknown = static_cast<std::int64_t>(state_->unknown.Value());
  return {unknown + static_cast<std::int64_t>(state_->known.Value()), unknown};
}

std::string Metrics::text(const std::map<std::string, double>& gauges,
                          const std::vector<double>& score_deciles) const {
  prometheus::Registry now;
  const auto set = [&](const std::string& name, double value, const char* help = "") {
    prometheus::BuildGauge().Name("shoplens_" + name).Help(help).Register(now).Add({}).Set(value);
  };
  for (const auto& [name, value] : gauges) set(name, value);
  {
    const std::lock_guard lock(state_->mutex);
    for (const auto& [name, value] : state_->watched) set(name, value());
    if (!score_deciles.empty() && state_->deciles == score_deciles &&
        state_->scores.size() >= kFewestScores)
      set("score_drift", population_stability(state_->scores, score_deciles),
          "Population stability index of the scores of the latest photos, unknown ones too, "
          "against calibration's photos of known products");
  }
  const prometheus::TextSerializer serializer;
  return serializer.Serialize(state_->registry.Collect()) + serializer.Serialize(now.Collect());
}

double population_stability(const std::vector<double>& scores, const std::vector<double>& deciles) {
  if (scores.empty()) return 0;
  std::array<double, 10> counts{};
  for (const double score : scores) {
    const auto part = std::upper_bound(deciles.begin(), deciles.end(), score) - deciles.begin();
    ++counts[static_cast<std::size_t>(part)];
  }
  double sum = 0;
  for (const double count : counts) {
    const double share = (count + 0.5) / (static_cast<double>(scores.size()) + 5);
    sum += (share - 0.1) * std::log(share / 0.1);
  }
  return sum;
}

}  // namespace shoplens
