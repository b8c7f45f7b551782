// SPDX-License-Identifier: Apache-2.0
#include "recognize/recognizer.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "data/manifest.h"

namespace shoplens {

Recognizer::Recognizer(const Gallery& gallery, const Pipeline& pipeline,
                       const RecognizeOptions& options)
    : pipeline_(pipeline), options_(options), index_(gallery.model().dim) {
  check(options.top >= 1, "recognizer: want at least 1 neighbour, got ", options.top);
  gallery.check_model(pipeline.fingerprint(), "the one that embeds");
  GalleryContent content = gallery.content();
  if (content.items.empty())
    throw Error(
        ErrorCode::kBadInput,
        join("recognizer: want photos in the gallery, it is empty (", gallery.path().string(), ")"),
        "add some with `shoplens index add`");
  items_ = std::move(content.items);
  std::vector<std::string> labels;
  for (const GalleryItem& item : items_) labels.push_back(item.label);
  LabelSet numbered = number_labels(labels);
  label_names_ = std::move(numbered.names);
  label_of_row_ = std::move(numbered.of_row);
  std::vector<std::int64_t> rows(items_.size());
  std::iota(rows.begin(), rows.end(), 0);
  index_.add(rows, content.vectors);
}

std::vector<float> Recognizer::embed(const Image& image) const {
  std::vector<float> prepared(pipeline_.floats_per_photo());
  pipeline_.prepare(image, prepared.data());
  std::vector<float> embedding(static_cast<std::size_t>(pipeline_.dim()));
  pipeline_.embed(prepared.data(), 1, embedding.data());
  return embedding;
}

std::vector<Answer> Recognizer::answer(std::span<const float> embeddings) const {
  const int voters = options_.decide.vote == Vote::kTop1 ? 1 : options_.decide.k;
  std::vector<Answer> answers;
  for (const std::vector<Hit>& hits : index_.search(embeddings, std::max(options_.top, voters)))
    answers.push_back(to_answer(hits));
  return answers;
}

Answer Recognizer::to_answer(const std::vector<Hit>& hits) const {
  std::vector<std::int64_t> labels;
  std::vector<float> scores;
  Answer answer;
  for (const Hit& hit : hits) {
    const auto row = static_cast<std::size_t>(hit.id);
    labels.push_back(label_of_row_[row]);
    scores.push_back(hit.score);
    if (answer.neighbours.size() < static_cast<std::size_t>(options_.top))
      answer.neighbours.push_back({items_[row].id, items_[row].label, items_[row].path, hit.score});
  }
  const Decision decision = decide(labels, scores, options_.decide);
  answer.label = label_names_[static_cast<std::size_t>(decision.label)];
  answer.score = decision.score;
  return answer;
}

}  // namespace shoplens
