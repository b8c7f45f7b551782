// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace shoplens {

/// What a server counts, for Prometheus. Thread-safe.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void request(const std::string& route, int status, double seconds);
  /// Of one request: read, decode, resize, queue, network, search.
  void stage(const std::string& stage, double seconds);
  void batch(int photos);
  /// A photo that was answered. `score` is Evidence::score; of an empty gallery there is none.
  /// `score_deciles` are those of the calibration it was answered with; without one, empty.
  void answer(bool unknown, std::optional<double> score, const std::vector<double>& score_deciles);
  void refused(const std::string& why);  // queue_full, deadline, rate_limit, ...

  /// A gauge that text() asks for its value from now on, so that `value` must outlive its calls.
  void watch(const std::string& gauge, std::function<double()> value);

  /// In Prometheus's text format, with these gauges as they are now, and the watched ones.
  /// score_drift is the population stability index of the scores of the latest answers with this
  /// calibration against its deciles: the sum over the ten parts of (share - 0.1) ln(share / 0.1);
  /// above 0.25 photos are not what they were. Unknown ones count: the deciles are of all held-out
  /// photos of known products, of which a threshold turns away those with the lowest scores.
  std::string text(const std::map<std::string, double>& gauges,
                   const std::vector<double>& score_deciles) const;

  /// Photos answered, and how many of them as unknown.
  std::pair<std::int64_t, std::int64_t> answers() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// See Metrics::text; 0 for no scores. Shares have half a photo added, so that none is 0.
double population_stability(const std::vector<double>& scores, const std::vector<double>& deciles);

}  // namespace shoplens
