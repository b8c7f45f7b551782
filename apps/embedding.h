// SPDX-License-Identifier: Apache-2.0
// What embed, index, predict and eval share: how the network runs, and a list of photos through it.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/json_output.h"
#include "data/manifest.h"
#include "gallery/gallery.h"
#include "recognize/embed_photos.h"
#include "recognize/throughput.h"

namespace shoplens {

struct NetworkOptions {
  std::vector<std::string> model, model_weight;
  std::string tta, precision = "auto", device = "CPU";
  int batch_size = 0, threads = 0;

  template <class V>
  void visit(V& v) {
    v(model, "model",
      "model.onnx written by `shoplens export` or `import`; repeat it for several that answer "
      "together; "
      "none: those of the gallery");
    v(model_weight, "model-weight", "weight of each --model in the joint cosine; none: all alike");
    v(tta, "tta",
      "test-time augmentation: hflip averages a photo's embedding with its mirror image's; empty: "
      "as the gallery, or none",
      {"", "none", "hflip"});
    v(precision, "precision", "of the network; auto is bf16 where the processor has it",
      {"auto", "f32", "bf16"});
    v(device, "device", "OpenVINO device that runs the network");
    v(batch_size, "batch-size",
      "photos in one network call; 0: what gets most through, measured once where there are enough "
      "photos");
    v(threads, "threads",
      "threads to decode with, and as many for the network; 0: the cores there are");
  }
};

/// How neighbours become a label, when it is not as the gallery says.
struct VoteOptions {
  std::string vote;
  int k = 0;
  double temperature = 0;

  template <class V>
  void visit(V& v) {
    v(vote, "vote",
      "label of the nearest photo, of most weight among the nearest, or with the networks' class "
      "scores; empty: as the gallery",
      {"", "top1", "weighted", "classes"});
    v(k, "vote-k", "how many photos vote; 0: as the gallery");
    v(temperature, "vote-temperature",
      "weighted: the cosine that makes a vote e times lighter; 0: as the gallery");
  }
  DecideOptions apply(DecideOptions own) const;
};

/// The given models set up for `photos` photos: for few, to answer soon; for many, to get many
/// through; or as `fixed` says. Throws kBadInput when no model is given, naming `verb`.
std::unique_ptr<Pipeline> open_pipeline(const std::string& verb, const NetworkOptions& options,
                                        std::size_t photos,
                                        const std::optional<Throughput>& fixed = {});

/// The same for the pipeline of a file, whose paths are relative to it.
std::unique_ptr<Pipeline> open_pipeline_file(const std::string& file, const NetworkOptions& options,
                                             std::size_t photos);

/// The gallery's own pipeline, with what `options` and `vote` give in place of its own. Throws
/// unless its vectors may be compared with the gallery's.
std::unique_ptr<Pipeline> open_gallery_pipeline(const Gallery& gallery,
                                                const NetworkOptions& options, std::size_t photos,
                                                const VoteOptions& vote = {});

/// Throws kBadInput, naming `verb`, when a photo of `held_out` is in the gallery: it finds itself,
/// so nothing learnt from it is true.
void check_held_out(const std::string& verb, const Gallery& gallery, const Manifest& held_out);

/// embed_photos with a progress bar; says a line for each photo that could not be read.
PhotoEmbeddings embed_and_report(const Pipeline& pipeline,
                                 const std::vector<std::filesystem::path>& photos,
                                 const NetworkOptions& options);

/// Writes the vectors [n, dim] of the manifest's `rows` as `npy`, and which photos they are as a
/// .csv beside it: path, label if the list has labels, its other columns. Returns the .csv's path.
std::filesystem::path write_embeddings(const std::filesystem::path& npy, const Manifest& manifest,
                                       const std::vector<std::int64_t>& rows,
                                       std::span<const float> vectors, int dim);

/// [{path, error: {code, message, hint}}], paths as `names` has them.
Json errors_json(const std::vector<SampleError>& errors, const std::vector<std::string>& names);

/// A verb's exit status: 2 when a photo failed.
inline int status_of(const PhotoEmbeddings& embedded) { return embedded.errors.empty() ? 0 : 2; }

}  // namespace shoplens
