// SPDX-License-Identifier: Apache-2.0
// The library's public face. Its types live in shoplens::v1, apart from the project's own of the
// same names, which may change with every version.
#include "shoplens/shoplens.h"

#include <new>

#include "core/error.h"
#include "core/threads.h"
#include "image/source_image.h"
#include "recognize/embed_photos.h"
#include "recognize/recognizer.h"

namespace shoplens::v1 {
namespace {

static_assert(static_cast<int>(ErrorCode::kInternal) ==
              static_cast<int>(shoplens::ErrorCode::kInternal));

Error to_public(const shoplens::Error& e) {
  return {static_cast<ErrorCode>(e.code), e.what(), e.hint};
}

// The one place where the project's exceptions become the library's.
template <class Body>
auto guarded(const Body& body) {
  try {
    return body();
  } catch (const shoplens::Error& e) {
    throw to_public(e);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    throw Error(ErrorCode::kInternal, e.what(), "");
  }
}

Pipeline open_pipeline(const Gallery& gallery, const Options& options) {
  check(options.threads >= 0 && options.streams >= 1 && options.batch_size >= 1,
        "recognizer: want threads of at least 0, streams and batch_size of at least 1, got ",
        options.threads, ", ", options.streams, " and ", options.batch_size);
  const RuntimeOptions runtime{.device = options.device,
                               .precision = options.precision,
                               .threads = options.threads > 0 ? options.threads : available_cores(),
                               .streams = options.streams};
  return Pipeline(located_pipeline_of(gallery, {options.models.begin(), options.models.end()}),
                  runtime);
}

RecognizeOptions recognize_options(const Gallery& gallery, const PipelineSpec& spec, int top) {
  return {.top = top,
          .decide = spec.decide,
          .calibration = calibration_of(gallery, spec),
          .index_file = index_file_of(gallery.path())};
}

Answer to_public(shoplens::Answer&& answer) {
  Answer out{std::move(answer.label), answer.score, answer.probability, answer.unknown, {}};
  for (shoplens::Neighbour& n : answer.neighbours)
    out.neighbours.push_back({n.id, std::move(n.label), std::move(n.path), n.score});
  return out;
}

}  // namespace

Error::Error(ErrorCode code, const std::string& message, std::string hint)
    : std::runtime_error(message), code_(code), hint_(std::move(hint)) {}

struct Recognizer::State {
  EmbedPhotosOptions embedding;
  Pipeline pipeline;
  shoplens::Recognizer recognizer;  // refers to the pipeline

  State(const Gallery& gallery, const Options& options)
      : embedding{options.batch_size, options.threads},
        pipeline(open_pipeline(gallery, options)),
        recognizer(gallery, pipeline, recognize_options(gallery, pipeline.spec(), options.top)) {}

  // Answers and errors, merged into the order of the photos.
  std::vector<Outcome> outcomes(const PhotoEmbeddings& embedded) const {
    std::vector<shoplens::Answer> answers =
        recognizer.answer(embedded.embeddings, embedded.class_probabilities);
    std::vector<Outcome> all(answers.size() + embedded.errors.size());
    for (std::size_t i = 0; i < answers.size(); ++i)
      all[static_cast<std::size_t>(embedded.photos[i])] = to_public(std::move(answers[i]));
    for (const SampleError& failed : embedded.errors)
      all[static_cast<std::size_t>(failed.sample)] = to_public(failed.error);
    return all;
  }
};

Recognizer::Recognizer(const std::filesystem::path& gallery, const Options& options)
    : state_(guarded([&] { return std::make_unique<State>(Gallery(gallery), options); })) {}
Recognizer::~Recognizer() = default;
Recognizer::Recognizer(Recognizer&&) noexcept = default;
Recognizer& Recognizer::operator=(Recognizer&&) noexcept = default;

bool Recognizer::calibrated() const { return state_->recognizer.calibrated(); }

Answer Recognizer::recognize(std::string_view photo) const {
  return guarded(
      [&] { return to_public(state_->recognizer.recognize(SourceImage(photo, "photo"))); });
}

Answer Recognizer::recognize(std::span<const std::byte> photo) const {
  return recognize(std::string_view(reinterpret_cast<const char*>(photo.data()), photo.size()));
}

Answer Recognizer::recognize_file(const std::filesystem::path& photo) const {
  return guarded([&] { return to_public(state_->recognizer.recognize(SourceImage::load(photo))); });
}

std::vector<Outcome> Recognizer::recognize_all(std::span<const std::string_view> photos) const {
  const auto decode = [&](std::size_t i) { return SourceImage(photos[i], join("photo ", i)); };
  return guarded([&] {
    return state_->outcomes(
        embed_photos(state_->pipeline, photos.size(), decode, state_->embedding));
  });
}

std::vector<Outcome> Recognizer::recognize_files(
    std::span<const std::filesystem::path> photos) const {
  const auto load = [&](std::size_t i) { return SourceImage::load(photos[i]); };
  return guarded([&] {
    return state_->outcomes(embed_photos(state_->pipeline, photos.size(), load, state_->embedding));
  });
}

}  // namespace shoplens::v1
