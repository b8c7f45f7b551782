// SPDX-License-Identifier: Apache-2.0
#include "recognize/recognizer.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "data/manifest.h"

namespace shoplens {

Recognizer::Recognizer(const Gallery& gallery, const Pipeline& pipeline,
                       const RecognizeOptions& options)
    : Recognizer(
          (gallery.check_model(pipeline.fingerprint(), "the one that embeds"), gallery.content()),
          gallery.array("whitening"), pipeline, options, gallery.path().string()) {}

Recognizer::Recognizer(GalleryContent content, const std::optional<GalleryArray>& whitening,
                       const Pipeline& pipeline, const RecognizeOptions& options,
                       const std::string& source)
    : pipeline_(pipeline), options_(options), items_(std::move(content.items)) {
  check(options.top >= 1, "recognizer: want at least 1 neighbour, got ", options.top);
  if (items_.empty())
    throw Error(ErrorCode::kBadInput,
                join("recognizer: want photos in the gallery, it is empty (", source, ")"),
                "add some with `shoplens index add`");
  std::vector<std::string> labels;
  for (const GalleryItem& item : items_) labels.push_back(item.label);
  LabelSet numbered = number_labels(labels);
  label_names_ = std::move(numbered.names);
  label_of_row_ = std::move(numbered.of_row);
  photos_of_label_.resize(label_names_.size());
  for (const std::int64_t label : label_of_row_)
    ++photos_of_label_[static_cast<std::size_t>(label)];
  class_of_row_ = places_among(labels, pipeline.classes());
  matcher_.emplace(content.vectors, pipeline.blocks(), pipeline.spec(), whitening);
}

bool Recognizer::knows(const std::string& label) const {
  return std::binary_search(label_names_.begin(), label_names_.end(), label);
}

Answer Recognizer::recognize(const Image& image) const {
  std::vector<float> prepared(pipeline_.floats_per_photo());
  pipeline_.prepare(image, prepared.data());
  std::vector<float> embedding(static_cast<std::size_t>(pipeline_.dim())),
      probabilities(pipeline_.classes().size());
  pipeline_.embed(prepared.data(), 1, embedding.data(), probabilities.data());
  return std::move(answer(embedding, probabilities)[0]);
}

std::vector<Answer> Recognizer::answer(std::span<const float> embeddings,
                                       std::span<const float> class_probabilities) const {
  const std::size_t classes = pipeline_.classes().size();
  std::vector<Answer> answers;
  const int k = std::max({options_.top, options_.decide.neighbours(), kEvidenceNeighbours});
  for (const std::vector<Hit>& hits : matcher_->search(matcher_->prepare(embeddings), k))
    answers.push_back(
        to_answer(hits, class_probabilities.empty()
                            ? class_probabilities
                            : class_probabilities.subspan(answers.size() * classes, classes)));
  return answers;
}

Answer Recognizer::to_answer(const std::vector<Hit>& hits,
                             std::span<const float> class_probabilities) const {
  std::vector<std::int64_t> labels;
  std::vector<float> scores, probabilities;
  Answer answer;
  for (const Hit& hit : hits) {
    const auto row = static_cast<std::size_t>(hit.id);
    labels.push_back(label_of_row_[row]);
    scores.push_back(hit.score);
    if (!class_probabilities.empty())
      probabilities.push_back(probability_of(class_of_row_[row], class_probabilities));
    if (answer.neighbours.size() < static_cast<std::size_t>(options_.top))
      answer.neighbours.push_back({items_[row].id, items_[row].label, items_[row].path, hit.score});
  }
  const Decision decision = decide(labels, scores, options_.decide, probabilities);
  const auto label = static_cast<std::size_t>(decision.label);
  answer.label = label_names_[label];
  answer.score = decision.score;
  answer.evidence = evidence_for(decision.label, photos_of_label_[label], labels, scores);
  if (options_.calibration) {
    answer.probability = options_.calibration->probability(answer.evidence);
    answer.unknown = options_.calibration->unknown(answer.label, *answer.probability);
  }
  return answer;
}

}  // namespace shoplens
