// SPDX-License-Identifier: Apache-2.0
#include "recognize/recognizer.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/files.h"
#include "gallery/gallery_file.h"
#include "recognize/embed_photos.h"
#include "recognize/test_catalogue.h"

namespace shoplens {
namespace fs = std::filesystem;
namespace {

class RecognizerTest : public TestCatalogue {
 protected:
  Gallery build(const Pipeline& pipeline, std::size_t count) const {
    const auto embedded = embed_photos(pipeline, photos, {4, 2});
    std::vector<GalleryItem> items;
    for (std::size_t i = 0; i < count; ++i)
      items.push_back({0, i < 3 ? "few" : "many", photos[i].filename(), photos[i].filename(), {}});
    build_gallery(
        folder / "g.db",
        {pipeline.fingerprint(), pipeline.arch(), pipeline.dim(), (folder / "model.onnx").string()},
        {}, items, std::span(embedded.embeddings).first(count * 16), true);
    return Gallery(folder / "g.db");
  }
};

TEST_F(RecognizerTest, AGalleryPhotoFindsItself) {
  const Pipeline pipeline = open(1);
  const Recognizer recognizer(build(pipeline, 9), pipeline, {});
  for (int i = 0; i < 9; ++i) {
    const Answer answer = recognizer.recognize(SourceImage(picture(i)));
    EXPECT_EQ(answer.label, i < 3 ? "few" : "many");
    EXPECT_NEAR(answer.score, 1, 1e-5);
    ASSERT_EQ(answer.neighbours.size(), 5u);
    EXPECT_EQ(answer.neighbours[0].id, i + 1);
    EXPECT_EQ(answer.neighbours[0].path, std::to_string(i) + ".png");
    EXPECT_GE(answer.neighbours[0].score, answer.neighbours[1].score);
  }
}

TEST_F(RecognizerTest, OnePhotoAloneIsEmbeddedAsInABatch) {
  for (const Tta tta : {Tta::kNone, Tta::kHflip}) {
    const Pipeline pipeline = open(1, tta);
    const Recognizer recognizer(build(pipeline, 9), pipeline, {});
    const auto batch = embed_photos(pipeline, photos, {9, 2});
    for (std::size_t i = 0; i < 9; ++i) {
      const Answer alone = recognizer.recognize(SourceImage(picture(static_cast<int>(i))));
      const Answer one = recognizer.answer(std::span(batch.embeddings).subspan(i * 16, 16))[0];
      ASSERT_EQ(alone.neighbours.size(), one.neighbours.size());
      for (std::size_t k = 0; k < one.neighbours.size(); ++k) {
        EXPECT_EQ(alone.neighbours[k].id, one.neighbours[k].id);
        EXPECT_NEAR(alone.neighbours[k].score, one.neighbours[k].score, 1e-5);
      }
    }
  }
}

TEST_F(RecognizerTest, TheVoteMayLookFurtherThanTheAnswerShows) {
  const Pipeline pipeline = open(1);
  RecognizeOptions options;
  options.top = 1;
  options.decide = {Vote::kWeighted, 9, 1e6};  // all of nine votes weigh the same
  const Answer answer =
      Recognizer(build(pipeline, 9), pipeline, options).recognize(SourceImage(picture(0)));
  EXPECT_EQ(answer.label, "many");
  EXPECT_NEAR(answer.score, 6 / 9.0, 1e-4);
  EXPECT_EQ(answer.neighbours.size(), 1u);
}

TEST_F(RecognizerTest, VotesByTheClassesOfTheNetworks) {
  write_tiny_model(folder / "model.onnx", 32, 16, 1, {"few", "many"});
  PipelineSpec spec{.models = {{(folder / "model.onnx").string(), ""}}};
  spec.decide.vote = Vote::kClasses;
  spec.decide.k = 9;
  const Pipeline pipeline(spec, runtime(1));
  const Recognizer recognizer(build(pipeline, 9), pipeline, {.top = 9, .decide = spec.decide});
  const auto embedded = embed_photos(pipeline, photos, {});
  ASSERT_EQ(embedded.class_probabilities.size(), 18u);
  const auto answers = recognizer.answer(embedded.embeddings, embedded.class_probabilities);
  for (std::size_t i = 0; i < 9; ++i) {
    const float few = embedded.class_probabilities[2 * i],
                many = embedded.class_probabilities[2 * i + 1];
    double sums[2] = {0, 0};  // few, many: the definition
    for (const Neighbour& n : answers[i].neighbours)
      sums[n.label == "many"] +=
          std::pow(std::max(0.0f, n.score), 9) * std::pow(n.label == "many" ? many : few, 10);
    EXPECT_EQ(answers[i].label, sums[1] > sums[0] ? "many" : "few");
    EXPECT_NEAR(answers[i].score, std::max(sums[0], sums[1]) / (sums[0] + sums[1]), 1e-4);
  }
}

void expect_equal(const std::vector<Answer>& got, const std::vector<Answer>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    const Answer &a = got[i], &b = want[i];
    EXPECT_EQ(a.label, b.label);
    EXPECT_EQ(a.score, b.score);
    EXPECT_EQ(a.evidence.score, b.evidence.score);
    EXPECT_EQ(a.evidence.margin, b.evidence.margin);
    EXPECT_EQ(a.evidence.agreement, b.evidence.agreement);
    ASSERT_EQ(a.neighbours.size(), b.neighbours.size());
    for (std::size_t k = 0; k < b.neighbours.size(); ++k) {
      const Neighbour &x = a.neighbours[k], &y = b.neighbours[k];
      EXPECT_EQ(x.id, y.id);
      EXPECT_EQ(x.label, y.label);
      EXPECT_EQ(x.path, y.path);
      EXPECT_EQ(x.score, y.score);
    }
  }
}

// Changes of a gallery of 16 components as people might make them.
struct RandomChanges {
  Gallery& gallery;
  Random random{5};

  int upto(int most) { return random.integer(0, most); }

  std::vector<float> vectors(int count) {  // of few directions: many score alike
    std::vector<float> vectors;
    for (int i = 0; i < count; ++i)
      for (int j = 0, spike = upto(15), other = upto(15); j < 16; ++j)
        vectors.push_back(j == spike ? 0.8f : j == other ? 0.6f : 0.0f);
    l2_normalize(vectors, 16);
    return vectors;
  }
  void add(int most) {  // some of them in place of others
    std::map<std::string, GalleryItem> items;
    const std::string label = "label" + std::to_string(upto(12));
    for (int i = upto(most); i >= 0; --i) {
      const std::string path = "p" + std::to_string(upto(3000));
      items[path] = {0, label, path, "", {}};
    }
    std::vector<GalleryItem> list;
    for (const auto& [path, item] : items) list.push_back(item);
    gallery.add(gallery.model().fingerprint, list, vectors(static_cast<int>(list.size())),
                OnExisting::kReplace);
  }
  void remove(int most) {
    const auto items = gallery.items();
    std::vector<std::int64_t> ids;
    for (int i = upto(most); i >= 0; --i)
      ids.push_back(items[static_cast<std::size_t>(upto(static_cast<int>(items.size()) - 1))].id);
    gallery.remove_ids(ids);
  }
  GalleryChanges change() {
    return gallery.transact([&] {
      add(upto(9) ? 5 : 300);
      for (int step = upto(2); step > 0; --step) switch (upto(3)) {
          case 0:
            remove(20);
            break;
          case 1:
            gallery.rename_label("label" + std::to_string(upto(12)),
                                 "new" + std::to_string(upto(5)));
            break;
          case 2:
            gallery.remove_labels({"new" + std::to_string(upto(5))});
            break;
          default:
            add(50);
        }
    });
  }
};

TEST_F(RecognizerTest, ChangedAnswersAsMadeAnew) {
  const std::vector<std::string> classes{"label1", "label4", "label9", "new3"};
  write_tiny_model(folder / "model.onnx", 32, 16, 1, classes);
  for (const int whiten : {0, 12}) {
    PipelineSpec spec{.models = {{(folder / "model.onnx").string(), ""}}, .whiten = whiten};
    spec.ranking.expand = {3, 3};
    spec.decide = {.vote = Vote::kClasses, .k = 7};
    const Pipeline pipeline(spec, runtime(1));
    Gallery gallery = build(pipeline, 9);
    RandomChanges people{gallery};
    GalleryArray map{12, 17, {}};
    for (int i = 0; i < 12 * 17; ++i)
      map.values.push_back(static_cast<float>(people.random.uniform(-1, 1)));
    gallery.configure({}, {{"whitening", map}});
    const auto queries = people.vectors(40);
    std::vector<float> probabilities;
    for (std::size_t i = 0; i < 40 * classes.size(); ++i)
      probabilities.push_back(static_cast<float>(people.random.uniform(0, 1)));
    const RecognizeOptions options{.top = 5, .decide = spec.decide};

    std::unique_ptr<const Recognizer> shown =
        std::make_unique<Recognizer>(gallery, pipeline, options);
    std::vector<std::unique_ptr<const Recognizer>> before;
    std::vector<std::vector<Answer>> answers_before;
    for (int change = 0; change < 60; ++change) {
      auto next = shown->changed(people.change());
      ASSERT_TRUE(next);
      const Recognizer anew(gallery, pipeline, options);
      expect_equal(next->answer(queries, probabilities), anew.answer(queries, probabilities));
      EXPECT_EQ(next->items(), anew.items());
      EXPECT_EQ(next->labels(), anew.labels());
      EXPECT_EQ(next->knows("new3"), anew.knows("new3"));
      answers_before.push_back(shown->answer(queries, probabilities));
      before.push_back(std::move(shown));
      shown = std::move(next);
    }
    for (std::size_t i = 0; i < before.size(); ++i)  // none was touched by what came after
      expect_equal(before[i]->answer(queries, probabilities), answers_before[i]);
  }
}

TEST_F(RecognizerTest, IsNotMadeOfAGalleryThatWentToAnotherNetworkMeanwhile) {
  const Pipeline pipeline = open(1);
  const Gallery before = build(pipeline, 9);
  Gallery gallery(before.path());
  const GalleryModel next{std::string(64, 'b'), "next", 8, "next.onnx"};
  gallery.begin_upgrade(next);
  std::vector<float> vectors(9 * 8);
  for (std::size_t i = 0; i < 9; ++i) vectors[i * 8] = 1;
  gallery.add_upgraded(next.fingerprint, gallery.items_to_upgrade(0, 100), vectors);
  ASSERT_TRUE(gallery.finish_upgrade(next.fingerprint, {}, {}));
  try {
    const Recognizer recognizer(before, pipeline, {});
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()), "gallery: want the 9 photos' vectors of " + pipeline.arch() +
                                         ", found 0 (" + before.path().string() + ")");
  }
}

// Its vectors are read from the gallery piece by piece, and by the other are all in memory.
TEST_F(RecognizerTest, AnswersFromAKeptIndexAsFromAGalleryInMemory) {
  write_tiny_model(folder / "model.onnx", 32, 16, 1);
  for (const int whiten : {0, 12}) {
    PipelineSpec spec{.models = {{(folder / "model.onnx").string(), ""}}, .whiten = whiten};
    spec.ranking.recall = 0.9;
    const Pipeline pipeline(spec, runtime(1));
    Gallery gallery = build(pipeline, 9);
    RandomChanges people{gallery};
    std::vector<GalleryItem> items;
    for (int i = 0; i < 10'007; ++i)
      items.push_back({0, "label" + std::to_string(i / 48), "q" + std::to_string(i), "", {}});
    gallery.add(gallery.model().fingerprint, items, people.vectors(static_cast<int>(items.size())),
                OnExisting::kError);
    gallery.remove_ids({2, 500, 1024, 1025});
    GalleryArray map{12, 17, {}};
    for (int i = 0; i < 12 * 17; ++i)
      map.values.push_back(static_cast<float>(people.random.uniform(-1, 1)));
    gallery.configure({}, {{"whitening", map}});
    const auto queries = people.vectors(40);
    const fs::path file = folder / "g.cells", other = folder / "other.cells";
    const Recognizer in_memory(gallery.content(), map, pipeline, {.index_file = other}, "g.db");
    const Recognizer made(gallery, pipeline, {.index_file = file});
    const auto written = fs::last_write_time(file);
    const Recognizer kept(gallery, pipeline, {.index_file = file});
    EXPECT_EQ(fs::last_write_time(file), written);
    EXPECT_EQ(read_file(file), read_file(other));
    for (const Recognizer* recognizer : {&made, &kept}) {
      EXPECT_GT(recognizer->matcher().search_report().cells, 0);
      EXPECT_EQ(recognizer->items(), 10'012);
      expect_equal(recognizer->answer(queries), in_memory.answer(queries));
    }
  }
}

TEST_F(RecognizerTest, IsNotChangedWhenItHasToBeMadeAnew) {
  const Pipeline pipeline = open(1);
  Gallery gallery = build(pipeline, 9);
  const Recognizer recognizer(gallery, pipeline, {});
  EXPECT_TRUE(recognizer.changed({}));
  GalleryChanges settings;
  settings.settings = true;
  EXPECT_FALSE(recognizer.changed(settings));
  for (const bool rerank : {false, true}) {
    PipelineSpec spec{.models = {{(folder / "model.onnx").string(), ""}}};
    spec.ranking.rerank = rerank;
    spec.ranking.augment.k = rerank ? 0 : 2;
    const Pipeline whole(spec, runtime(1));
    EXPECT_FALSE(Recognizer(gallery, whole, {}).changed({}));
  }
  const auto emptied = gallery.transact([&] { gallery.remove_labels({"few", "many"}); });
  EXPECT_FALSE(recognizer.changed(emptied));
}

TEST_F(RecognizerTest, RefusesAnEmptyGalleryAndAnotherModel) {
  const Pipeline pipeline = open(1);
  EXPECT_THROW(Recognizer(build(pipeline, 0), pipeline, {}), Error);
  const Gallery gallery = build(pipeline, 9);
  write_tiny_model(folder / "model.onnx", 32, 16, /*seed=*/2);
  const Pipeline other = open(1);
  EXPECT_THROW(Recognizer(gallery, other, {}), Error);
}

}  // namespace
}  // namespace shoplens
