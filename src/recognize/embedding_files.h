// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/options.h"
#include "data/photo_list.h"
#include "recognize/embed_photos.h"

namespace shoplens {

/// What decides about every bit that a run writes: one that goes on must be the same.
struct EmbeddingRun {
  std::string list, model, tta, precision, device, processor, openvino;
  std::int64_t photos = 0;
  int dim = 0, threads = 0, batch_size = 0, streams = 0;

  template <class V>
  void visit(V& v) {
    v(list, "list", "list of photos");
    v(photos, "photos", "number of photos");
    v(model, "model", "model");
    v(dim, "dim", "length of an embedding");
    v(tta, "tta", "--tta");
    v(precision, "precision", "--precision");
    v(device, "device", "--device");
    v(threads, "threads", "--threads");
    v(batch_size, "batch-size", "--batch-size");
    v(streams, "streams", "number of streams");
    v(processor, "processor", "processor");
    v(openvino, "openvino", "release of OpenVINO");
  }
};

/// The files that `embed` makes: NAME.npy and NAME.csv, and NAME.errors.csv if photos could not be
/// read. Until all of them are whole they grow in the folder NAME.npy.part, with a note of how far
/// they are, from which another process can go on, to the bit, when this one was killed.
class EmbeddingFiles {
 public:
  /// Takes NAME.npy.part for this process alone. Throws kBadInput when another one has it. Every
  /// `save_every` what is there is made safe: a kill, or a power cut, costs no more than that.
  explicit EmbeddingFiles(const std::filesystem::path& npy,
                          std::chrono::milliseconds save_every = std::chrono::seconds(1));
  ~EmbeddingFiles();  // leaves the folder only if there is something in it to go on with
  EmbeddingFiles(const EmbeddingFiles&) = delete;
  EmbeddingFiles& operator=(const EmbeddingFiles&) = delete;

  /// Where a PhotoList may keep its copy.
  std::filesystem::path list_copy() const { return part_ / "list.csv"; }

  /// Whether a run left its files here; what it was.
  bool can_resume() const;
  EmbeddingRun stopped() const { return read_state().run; }

  /// Begins anew: what is left of another run is dropped.
  void start(const EmbeddingRun& run, const PhotoList& list);

  /// Goes on, and takes from `list` what is done. Throws kBadInput that names the first thing in
  /// which `run` is not the one that stopped.
  void resume(const EmbeddingRun& run, PhotoList& list);

  /// Photos of the list that are done, and how many of them could not be read.
  std::int64_t done() const { return state_.done; }
  std::int64_t failed() const { return state_.failed; }

  /// The next photos of the list.
  void append(const EmbeddedBatch& batch, PhotoList& list);

  /// All photos are done: the files appear.
  void commit();

  std::filesystem::path csv() const;
  std::filesystem::path errors_csv() const;

 private:
  struct State {
    EmbeddingRun run;
    std::int64_t done = 0, failed = 0, rows_bytes = 0, csv_bytes = 0, errors_bytes = 0;

    template <class V>
    void visit(V& v) {
      run.visit(v);
      v(done, "done", "photos of the list that are done");
      v(failed, "failed", "photos that could not be read");
      v(rows_bytes, "rows-bytes", "length of rows.npy");
      v(csv_bytes, "csv-bytes", "length of rows.csv");
      v(errors_bytes, "errors-bytes", "length of errors.csv");
    }
  };
  State read_state() const;
  void open_files();
  void save();
  void write(std::ofstream& file, std::int64_t& bytes, std::string_view text);

  std::filesystem::path npy_, part_;
  std::chrono::milliseconds save_every_;
  int lock_ = -1;
  State state_;
  std::ofstream rows_, csv_, errors_;
  std::chrono::steady_clock::time_point saved_;
};

}  // namespace shoplens
