// SPDX-License-Identifier: Apache-2.0
#include "recognize/recognizer.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <string_view>

#include "core/error.h"

namespace shoplens {

Recognizer::Recognizer(const Gallery& gallery, const Pipeline& pipeline,
                       const RecognizeOptions& options)
    : pipeline_(pipeline), options_(options) {
  gallery.check_model(pipeline.fingerprint(), "the one that embeds");
  auto state = gallery.one_state();  // until the vectors were read for the last time
  const std::int64_t items = gallery.size();
  const auto whitening = gallery.array("whitening");
  check_start(items, gallery.path().string());
  VectorSource vectors(static_cast<std::size_t>(items * gallery.model().dim),
                       [this, &gallery, items, state = std::move(state)](
                           const VectorSource::Sink& sink) { read(gallery, items, sink); });
  matcher_.emplace(std::move(vectors), pipeline.blocks(), pipeline.spec(), whitening,
                   options.index_file);
}

// The gallery's vectors; its items are taken in when they are read for the first time, which may be
// on another thread than the one that waits for it.
void Recognizer::read(const Gallery& gallery, std::int64_t items, const VectorSource::Sink& sink) {
  constexpr std::int64_t kRows = 1024;  // at once, as each is cheaper in company
  const bool first_time = next_number_ == 0;
  std::vector<float> rows;
  std::int64_t seen = 0;
  gallery.visit([&](const GalleryItem& item, std::span<const float> vector) {
    if (first_time) insert(item);
    rows.insert(rows.end(), vector.begin(), vector.end());
    if (++seen % kRows != 0) return;
    sink(rows);
    rows.clear();
  });
  if (!rows.empty()) sink(rows);
  if (seen != items)  // some have none, or since it was opened the gallery went to another network
    throw Error(ErrorCode::kCorrupt,
                join("gallery: want the ", items, " photos' vectors of ", gallery.model().arch,
                     ", found ", seen, " (", gallery.path().string(), ")"),
                "try again; `shoplens index verify` tells all that is wrong");
}

Recognizer::Recognizer(GalleryContent content, const std::optional<GalleryArray>& whitening,
                       const Pipeline& pipeline, const RecognizeOptions& options,
                       const std::string& source)
    : pipeline_(pipeline), options_(options) {
  check_start(static_cast<std::int64_t>(content.items.size()), source);
  for (const GalleryItem& item : content.items) insert(item);
  matcher_.emplace(std::move(content.vectors), pipeline.blocks(), pipeline.spec(), whitening,
                   options.index_file);
}

void Recognizer::check_start(std::int64_t items, const std::string& source) const {
  check(options_.top >= 1, "recognizer: want at least 1 neighbour, got ", options_.top);
  if (items == 0)
    throw Error(ErrorCode::kBadInput,
                join("recognizer: want photos in the gallery, it is empty (", source, ")"),
                "add some with `shoplens index add`");
}

std::unique_ptr<const Recognizer> Recognizer::changed(const GalleryChanges& changes) const {
  if (changes.settings || !matcher_->changeable()) return nullptr;
  std::unique_ptr<Recognizer> next(new Recognizer(*this));
  std::vector<std::int64_t> added(changes.added.size()), removed;
  std::iota(added.begin(), added.end(), next_number_);
  for (const GalleryItem& item : changes.added) next->insert(item);
  next->matcher_->add(added, changes.vectors);
  for (const auto& [id, label] : changes.relabelled) next->relabel(id, label);
  for (const std::int64_t id : changes.removed) removed.push_back(next->erase(id));
  next->matcher_->remove(removed);
  if (next->items() == 0) return nullptr;
  return next;
}

void Recognizer::insert(const GalleryItem& item) {
  number_of_[item.id] = next_number_;
  items_[next_number_++] = item;
  ++label_of(item.label).photos;
}

void Recognizer::relabel(std::int64_t id, const std::string& label) {
  GalleryItem& item = items_[*number_of_.find(id)];
  leave_label(item.label);
  item.label = label;
  ++label_of(label).photos;
}

// Returns the number that the item had.
std::int64_t Recognizer::erase(std::int64_t id) {
  const std::int64_t number = *number_of_.find(id);
  leave_label(items_.find(number)->label);
  items_.erase(number);
  number_of_.erase(id);
  return number;
}

Recognizer::Label& Recognizer::label_of(const std::string& name) {
  Label& label = labels_[name];
  if (label.photos == 0) {
    const auto& classes = pipeline_.classes();
    const auto place = std::find(classes.begin(), classes.end(), name);
    label.class_place = place == classes.end() ? -1 : place - classes.begin();
  }
  return label;
}

void Recognizer::leave_label(const std::string& name) {
  if (--labels_[name].photos == 0) labels_.erase(name);
}

Answer Recognizer::recognize(SourceImage photo) const {
  std::vector<float> prepared(pipeline_.floats_per_photo());
  pipeline_.prepare(photo, prepared.data());
  std::vector<float> embedding(static_cast<std::size_t>(pipeline_.dim())),
      probabilities(pipeline_.classes().size());
  pipeline_.embed(prepared.data(), 1, embedding.data(), probabilities.data());
  return std::move(answer(embedding, probabilities)[0]);
}

// The numbers of the items that may be found; nothing when all may. Labels are looked up here, once
// for all the queries, as a search may ask for every vector.
IdFilter Recognizer::filter_of(std::span<const std::string> labels) const {
  if (labels.empty()) return {};
  const std::set<std::string_view> names(labels.begin(), labels.end());
  std::vector<bool> may(static_cast<std::size_t>(next_number_));
  items_.for_each([&](std::int64_t number, const GalleryItem& item) {
    may[static_cast<std::size_t>(number)] = names.contains(item.label);
  });
  return
      [may = std::move(may)](std::int64_t number) { return may[static_cast<std::size_t>(number)]; };
}

std::vector<Answer> Recognizer::answer(std::span<const float> embeddings,
                                       std::span<const float> class_probabilities,
                                       std::span<const std::string> only) const {
  for (const std::string& label : only)
    check(knows(label), "labels: want some that the gallery has, got ", label);
  const std::size_t classes = pipeline_.classes().size();
  std::vector<Answer> answers;
  const int k = std::max({options_.top, options_.decide.neighbours(), kEvidenceNeighbours});
  for (const std::vector<Hit>& hits :
       matcher_->search(matcher_->prepare(embeddings), k, filter_of(only)))
    answers.push_back(
        to_answer(hits, class_probabilities.empty()
                            ? class_probabilities
                            : class_probabilities.subspan(answers.size() * classes, classes)));
  return answers;
}

Answer Recognizer::to_answer(const std::vector<Hit>& hits,
                             std::span<const float> class_probabilities) const {
  std::vector<const std::string*> names;  // of the labels among the hits
  std::vector<std::int64_t> labels;       // [hits], places in names
  std::vector<float> scores, probabilities;
  Answer answer;
  for (const Hit& hit : hits) {
    const GalleryItem& item = *items_.find(hit.id);
    const auto name = std::find_if(names.begin(), names.end(),
                                   [&](const std::string* n) { return *n == item.label; });
    labels.push_back(name - names.begin());
    if (name == names.end()) names.push_back(&item.label);
    scores.push_back(hit.score);
    if (!class_probabilities.empty())
      probabilities.push_back(
          probability_of(labels_.find(item.label)->class_place, class_probabilities));
    if (answer.neighbours.size() < static_cast<std::size_t>(options_.top))
      answer.neighbours.push_back({item.id, item.label, item.path, hit.score});
  }
  const Decision decision = decide(labels, scores, options_.decide, probabilities);
  answer.label = *names[static_cast<std::size_t>(decision.label)];
  answer.score = decision.score;
  answer.evidence =
      evidence_for(decision.label, labels_.find(answer.label)->photos, labels, scores);
  if (options_.calibration) {
    answer.probability = options_.calibration->probability(answer.evidence);
    answer.unknown = options_.calibration->unknown(answer.label, *answer.probability);
  }
  return answer;
}

}  // namespace shoplens
