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
constexpr int kUsualDim = 512;

struct DistillOptions {
  std::string gallery, data, out;
  int dim = 0;
  double teacher_weight = 10;
  NetworkOptions network;

  template <class V>
  void visit(V& v) {
    v(gallery, "gallery", "the teacher is what this gallery's photos were embedded with");
    v(data, "data", "training photos: CSV with path,label or a folder per class");
    v(out, "out", "run folder to make; OUT.teacher.npy and .csv are written beside it");
    v(dim, "dim",
      "length of the student's embedding, to which the teacher's is brought by PCA; 0: 512, or as "
      "long as the photos allow");
    v(teacher_weight, "teacher-weight",
      "weight of 1 - cosine to the teacher beside the head's loss");
    network.visit(v);
  }
};

// The length of the student's embeddings: as wanted, if the teacher's are longer and PCA finds so
// many components, which are fewer than the photos.
int student_dim(const DistillOptions& o, int teacher_dim, std::size_t photos) {
  const int dim = std::min(o.dim > 0 ? o.dim : kUsualDim, teacher_dim);
  const auto most = static_cast<std::int64_t>(photos) - 1;
  if (dim == teacher_dim || dim <= most) return dim;
  if (o.dim == 0 && most > 0) return static_cast<int>(most);
  throw Error(
      ErrorCode::kBadInput,
      join("distill: want more photos than --dim ", dim, ", got ", photos, " (", o.data, ")"),
      "PCA finds fewer components than there are photos; without --dim it takes what it finds");
}

// The teacher's vectors with its weights, brought to `dim` components. Whitening and augmentation
// that a gallery has learnt are not in them: the student's own gallery learns its own.
std::vector<float> shorten(const PhotoEmbeddings& embedded, const Pipeline& teacher, int dim) {
  const std::vector<Block> blocks = teacher.blocks();
  std::vector<float> vectors = project(embedded.embeddings, blocks, {});
  if (embedded.dim == dim) return vectors;
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
  check(o.dim >= 0, "distill: want --dim of at least 0, got ", o.dim);
  const Manifest manifest = read_manifest(o.data);
  PhotoEmbeddings embedded;
  std::vector<float> vectors;
  int dim = 0;
  {
    const auto teacher =
        o.gallery.empty() ? open_pipeline("distill", o.network, manifest.size())
                          : open_gallery_pipeline(Gallery(o.gallery), o.network, manifest.size());
    student_dim(o, teacher->dim(), manifest.size());  // throws before all are embedded
    embedded = embed_and_report(*teacher, manifest.paths, o.network);
    dim = student_dim(o, embedded.dim, embedded.photos.size());
    vectors = shorten(embedded, *teacher, dim);
  }
  const std::string npy = o.out + ".teacher.npy";
  write_embeddings(npy, manifest, embedded.photos, vectors, dim);
  const bool fewer = o.dim == 0 && dim < std::min(kUsualDim, embedded.dim);
  log_info("teacher: ", embedded.photos.size(), " embeddings of ", dim, " components",
           fewer ? ", as many as so few photos allow" : "", " (", npy, ")");
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
