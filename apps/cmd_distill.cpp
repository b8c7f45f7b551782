// SPDX-License-Identifier: Apache-2.0
// distill: what several networks know, into one. The teacher's embeddings are made here, by
// OpenVINO; the student is trained by shoplens-train.
#include <algorithm>

#include "apps/commands.h"
#include "apps/embedding.h"
#include "core/log.h"
#include "ranking/projection.h"

namespace shoplens {
namespace {

constexpr const char* kSummary = "train one network to embed as several do";

struct DistillOptions {
  std::string gallery, data, out;
  int dim = 512;
  double teacher_weight = 10;
  NetworkOptions network;

  template <class V>
  void visit(V& v) {
    v(gallery, "gallery", "the teacher is what this gallery's photos were embedded with");
    v(data, "data", "training photos: CSV with path,label or a folder per class");
    v(out, "out", "run folder to make; OUT.teacher.npy and .csv are written beside it");
    v(dim, "dim", "length of the student's embedding, to which the teacher's is brought by PCA");
    v(teacher_weight, "teacher-weight",
      "weight of 1 - cosine to the teacher beside the head's loss");
    network.visit(v);
  }
};

// The teacher's vectors as they are compared, at most `dim` long.
std::vector<float> shorten(const PhotoEmbeddings& embedded, const Pipeline& teacher, int dim) {
  const std::vector<Block> blocks = teacher.blocks();
  std::vector<float> vectors = project(embedded.embeddings, blocks, {});
  if (embedded.dim <= dim) return vectors;
  return project(embedded.embeddings, blocks, learn_whitening(vectors, embedded.dim, dim, 0));
}

int distill(const Words& words) {
  const auto end = std::find(words.begin(), words.end(), "--");
  DistillOptions o;
  if (!parse_flags(options_of(o), {words.begin(), end})) {
    std::cout << help_text("shoplens distill", kSummary, options_of(o))
              << "\nFlags of `shoplens train` for the student follow after --.\n";
    return 0;
  }
  check(!o.data.empty() && !o.out.empty(), "distill: want --data and --out");
  check(o.gallery.empty() != o.network.model.empty(),
        "distill: want --gallery, or the teacher's --model files");
  const Manifest manifest = read_manifest(o.data);
  PhotoEmbeddings embedded;
  std::vector<float> vectors;
  {
    const auto teacher =
        o.gallery.empty() ? open_pipeline("distill", o.network, manifest.size())
                          : open_gallery_pipeline(Gallery(o.gallery), o.network, manifest.size());
    embedded = embed_and_report(*teacher, manifest.paths, o.network);
    vectors = shorten(embedded, *teacher, o.dim);
  }
  const int dim = std::min(o.dim, embedded.dim);
  const std::string npy = o.out + ".teacher.npy";
  write_embeddings(npy, manifest, embedded.photos, vectors, dim);
  log_info("teacher: ", embedded.photos.size(), " embeddings of ", dim, " components (", npy, ")");
  Words train{"--data",
              o.data,
              "--out",
              o.out,
              "--dim",
              std::to_string(dim),
              "--teacher",
              npy,
              "--teacher-weight",
              join(o.teacher_weight)};
  if (end != words.end()) train.insert(train.end(), end + 1, words.end());
  return handed_over("train", "", "shoplens-train").run(train);
}

}  // namespace

Command distill_command() {
  return {"distill", kSummary, distill, [](const Describe& describe) {
            DistillOptions o;
            return describe("shoplens distill", kSummary, options_of(o));
          }};
}

}  // namespace shoplens
