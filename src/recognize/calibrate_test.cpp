// SPDX-License-Identifier: Apache-2.0
#include "recognize/calibrate.h"

#include <algorithm>

#include "core/error.h"
#include "index/vector_index.h"
#include "recognize/calibration_figure.h"
#include "recognize/test_catalogue.h"

namespace shoplens {
namespace {

// Twelve products, each a cloud on the sphere; the pipeline is there for its spec alone.
class CalibrateTest : public TestCatalogue {
 protected:
  static constexpr int kDim = 16, kProducts = 12;

  CalibrateTest() {
    for (int product = 0; product < kProducts; ++product) centres.push_back(direction());
    for (int i = 0; i < kProducts * 6; ++i) {
      gallery.items.push_back({i + 1, name(i % kProducts), std::to_string(i), "", {}});
      append(gallery.vectors, near(i % kProducts));
    }
    held_out.source = "val.csv";
    for (int i = 0; i < kProducts * 8; ++i)
      add(held_out, embedded, name(i % kProducts), near(i % kProducts));
  }

  static std::string name(int product) { return "product " + std::to_string(product); }
  static void append(std::vector<float>& to, const std::vector<float>& v) {
    to.insert(to.end(), v.begin(), v.end());
  }
  std::vector<float> direction() {
    std::vector<float> v;
    for (int i = 0; i < kDim; ++i)  // the sum of uniforms is near enough to normal
      v.push_back(static_cast<float>(random.uniform(-1, 1) + random.uniform(-1, 1) +
                                     random.uniform(-1, 1)));
    l2_normalize(v, kDim);
    return v;
  }
  std::vector<float> near(int product) {
    std::vector<float> v = centres[static_cast<std::size_t>(product)], noise = direction();
    for (std::size_t i = 0; i < v.size(); ++i) v[i] += 0.7f * noise[i];
    l2_normalize(v, kDim);
    return v;
  }
  static void add(Manifest& list, PhotoEmbeddings& of, const std::string& label,
                  const std::vector<float>& vector) {
    of.dim = kDim;
    of.photos.push_back(static_cast<std::int64_t>(list.labels.size()));
    list.labels.push_back(label);
    append(of.embeddings, vector);
  }
  CalibrateResult run(const PhotoEmbeddings& strangers, CalibrateOptions options = {}) const {
    const Pipeline pipeline = open(1);
    return calibrate(gallery, std::nullopt, pipeline, held_out, embedded, strangers, options);
  }

  Random random{42};
  std::vector<std::vector<float>> centres;
  GalleryContent gallery;
  Manifest held_out;
  PhotoEmbeddings embedded;
};

TEST_F(CalibrateTest, LearnsFromProductsLeftOut) {
  const CalibrateResult result = run({});
  EXPECT_EQ(result.report.known, kProducts * 8);
  EXPECT_EQ(result.report.strangers, kProducts * 8);  // each photo serves as both
  EXPECT_GT(result.report.curve.auroc, 0.9);
  EXPECT_LT(result.report.false_accepts, 0.15);
  EXPECT_LT(result.report.calibration_error, 0.1);
  EXPECT_EQ(result.calibration.settings, settings_hash(open(1).spec()));
  EXPECT_TRUE(std::is_sorted(result.calibration.score_deciles.begin(),
                             result.calibration.score_deciles.end()));
  EXPECT_EQ(to_toml(run({}).calibration), to_toml(result.calibration));  // no chance in it
}

TEST_F(CalibrateTest, NoMoreOfTheStrangersAreNamedThanWanted) {
  for (const double rate : {0.02, 0.1, 0.3}) {
    CalibrateOptions options;
    options.false_accept_rate = rate;
    options.label_strangers = 1000;
    const CalibrateResult result = run({}, options);
    std::int64_t named = 0;
    for (const Outcome& o : result.outcomes)
      named += o.stranger &&
               !result.calibration.unknown(o.answer, result.calibration.probability(o.evidence));
    EXPECT_LE(static_cast<double>(named), rate * static_cast<double>(result.report.strangers));
    EXPECT_GE(static_cast<double>(named), rate * static_cast<double>(result.report.strangers) - 2);
  }
}

TEST_F(CalibrateTest, TakesStrangersFromAListOrFromOtherLabels) {
  Manifest list;
  PhotoEmbeddings strangers;
  for (int i = 0; i < 40; ++i) add(list, strangers, "", direction());
  EXPECT_EQ(run(strangers).report.strangers, 40);
  for (int i = 0; i < 25; ++i) add(held_out, embedded, "no product of ours", direction());
  const CalibrateResult both = run(strangers);
  EXPECT_EQ(both.report.strangers, 65);
  EXPECT_EQ(both.report.known, kProducts * 8);
}

TEST_F(CalibrateTest, ALabelThatAttractsStrangersIsHarderToGet) {
  Manifest list;
  PhotoEmbeddings strangers;
  for (int i = 0; i < 100; ++i) {
    std::vector<float> v = direction();
    if (i % 2 == 0) {  // half of them look a little like product 3
      for (std::size_t k = 0; k < v.size(); ++k) v[k] = 1.2f * centres[3][k] + v[k];
      l2_normalize(v, kDim);
    }
    add(list, strangers, "", v);
  }
  const Calibration c = run(strangers).calibration;
  ASSERT_TRUE(c.label_thresholds.contains("product 3"));
  EXPECT_GT(c.label_thresholds.at("product 3"), c.threshold);
}

TEST_F(CalibrateTest, AStrangerShareIsWhatProbabilitiesAreFor) {
  CalibrateOptions rare, common;
  rare.stranger_share = 0.1;
  common.stranger_share = 0.9;
  const auto mean = [](const CalibrateResult& result) {
    double sum = 0;
    for (const Outcome& o : result.outcomes) sum += result.calibration.probability(o.evidence);
    return sum / static_cast<double>(result.outcomes.size());
  };
  EXPECT_GT(mean(run({}, rare)), mean(run({}, common)));
}

TEST_F(CalibrateTest, RefusesTooLittleAndNonsense) {
  CalibrateOptions options;
  options.false_accept_rate = 0;
  EXPECT_THROW(run({}, options), Error);
  options = {};
  options.stranger_share = 1;
  EXPECT_THROW(run({}, options), Error);
  options = {};
  options.left_out = 1;
  EXPECT_THROW(run({}, options), Error);
  embedded.photos.resize(10);
  embedded.embeddings.resize(10 * kDim);
  EXPECT_THROW(run({}), Error);
}

TEST_F(CalibrateTest, DrawsWhatItFound) {
  const CalibrateResult result = run({});
  const std::string svg = calibration_svg(result.outcomes, result.report);
  EXPECT_EQ(svg.find("<svg"), 0u);
  EXPECT_NE(svg.find("</svg>"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST(OpenSetReport, CountsWhoGetsAName) {
  const auto outcome = [](double score, bool stranger, bool right, double p, bool unknown) {
    return Outcome{"a", {score, 0, 1}, stranger, right, p, unknown};
  };
  const OpenSetReport r = open_set_report(
      {outcome(0.9, false, true, 0.9, false), outcome(0.6, false, false, 0.8, false),
       outcome(0.4, false, true, 0.3, true), outcome(0.7, true, false, 0.6, false),
       outcome(0.2, true, false, 0.1, true)});
  EXPECT_EQ(r.known, 3);
  EXPECT_EQ(r.strangers, 2);
  EXPECT_DOUBLE_EQ(r.false_accepts, 0.5);
  EXPECT_DOUBLE_EQ(r.false_rejects, 1 / 3.0);
  EXPECT_DOUBLE_EQ(r.accepted_right, 0.5);
  EXPECT_DOUBLE_EQ(r.fixed_false_accepts, 0.5);
  EXPECT_DOUBLE_EQ(r.fixed_false_rejects, 1 / 3.0);
  EXPECT_DOUBLE_EQ(r.curve.auroc, 5 / 6.0);
  EXPECT_DOUBLE_EQ(r.cosine_auroc, 4 / 6.0);
}

}  // namespace
}  // namespace shoplens
