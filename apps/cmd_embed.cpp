// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/embedding.h"
#include "core/files.h"
#include "core/log.h"
#include "core/threads.h"
#include "data/csv.h"
#include "data/photo_list.h"
#include "image/source_image.h"
#include "recognize/embedding_files.h"

namespace shoplens {
namespace {
namespace fs = std::filesystem;

constexpr std::size_t kErrorsShown = 100;

struct EmbedOptions {
  std::string data, out = "emb.npy";
  NetworkOptions network;
  bool resume = false, json = false;

  template <class V>
  void visit(V& v) {
    v(data, "data", "photos: a CSV with a path column, a folder, or a photo");
    v(out, "out", "float32 .npy to write, a row a photo; beside it a .csv that says which photo");
    network.visit(v);
    v(resume, "resume",
      "go on where a run with the same options was killed; begin if there is none");
    v(json, "json", "print one JSON document");
  }
};

EmbeddingRun run_of(const PhotoList& list, const Pipeline& pipeline,
                    const NetworkOptions& options) {
  EmbeddingRun run;
  run.list = list.fingerprint();
  run.photos = static_cast<std::int64_t>(list.size());
  run.model = pipeline.fingerprint();
  run.dim = pipeline.dim();
  run.tta = to_string(pipeline.spec().tta);
  run.precision = pipeline.network(0).precision();
  run.device = options.device;
  run.threads = options.threads > 0 ? options.threads : available_cores();
  run.batch_size = pipeline.batch_size();
  run.streams = pipeline.streams();
  run.processor = processor_identity();
  run.openvino = openvino_version();
  return run;
}

// What is left of the list, into the files.
EmbedTimes embed_rest(const Pipeline& pipeline, PhotoList& list, EmbeddingFiles& files,
                      int decode_threads) {
  const auto done = static_cast<std::size_t>(files.done());
  Progress progress("photos", static_cast<std::int64_t>(list.size() - done));
  return stream_embeddings(
      pipeline, list.size() - done,
      [&](std::size_t place) { return SourceImage::load(list.path(done + place)); },
      {.decode_threads = decode_threads},
      [&](EmbeddedBatch&& batch) {
        files.append(batch, list);
        progress.advance(static_cast<std::int64_t>(batch.photos.size() + batch.errors.size()));
      });
}

// The first of the photos that could not be read, as rows of NAME.errors.csv.
std::vector<std::vector<std::string>> first_errors(const fs::path& errors_csv) {
  std::ifstream in = open_file(errors_csv);
  CsvReader reader(in, errors_csv.string());
  std::vector<std::vector<std::string>> rows;
  reader.next();  // the header
  while (rows.size() < kErrorsShown)
    if (auto row = reader.next())
      rows.push_back(std::move(row->fields));
    else
      break;
  return rows;
}

Json report_errors(const EmbeddingFiles& files, std::size_t photos) {
  Json list = Json::array();
  if (files.failed() == 0) return list;
  for (const auto& row : first_errors(files.errors_csv())) {
    log_warning(row[2]);
    list.push_back(
        {{"path", row[0]}, {"error", {{"code", row[1]}, {"message", row[2]}, {"hint", row[3]}}}});
  }
  log_warning(files.failed(), " of ", photos, " photos could not be read: all of them in ",
              files.errors_csv().string());
  return list;
}

int embed(const EmbedOptions& o) {
  check(!o.data.empty(), "embed: want --data, a CSV or a folder of photos");
  const fs::path out = o.out;
  check(out.extension() == ".npy", "embed: want --out to end in .npy, got ", o.out);
  EmbeddingFiles files(out);
  std::error_code absent;
  for (const fs::path& made : {files.csv(), files.errors_csv()})
    if (fs::equivalent(made, o.data, absent))
      throw Error(ErrorCode::kBadInput,
                  join("embed: want a --out beside which no list of photos is overwritten, ", o.out,
                       " has its own in ", made.string(), ", which is --data"),
                  "give another --out");
  PhotoList list(o.data, files.list_copy());
  const bool resume = o.resume && files.can_resume();
  if (!resume && files.can_resume())
    log_warning("starting over: what a stopped run had done is dropped; --resume would go on");
  std::optional<Throughput> fixed;
  if (resume && o.network.batch_size == 0) {  // as it was, or other bits would come out
    const EmbeddingRun stopped = files.stopped();
    fixed = {stopped.batch_size, stopped.streams};
  }
  const auto pipeline = open_pipeline("embed", o.network, list.size(), fixed);
  const EmbeddingRun run = run_of(list, *pipeline, o.network);
  if (resume)
    files.resume(run, list);
  else
    files.start(run, list);
  const std::int64_t resumed = files.done();
  if (resumed > 0) log_info("going on after ", resumed, " of ", list.size(), " photos");
  const EmbedTimes times = embed_rest(*pipeline, list, files, o.network.threads);
  files.commit();
  const Json errors = report_errors(files, list.size());
  const std::int64_t rows = files.done() - files.failed();
  if (o.json)
    print_json({{"out", out.string()},
                {"csv", files.csv().string()},
                {"photos", rows},
                {"dim", pipeline->dim()},
                {"model", pipeline->fingerprint()},
                {"batch_size", pipeline->batch_size()},
                {"streams", pipeline->streams()},
                {"resumed", resumed},
                {"seconds", times.seconds},
                {"wait_seconds", times.wait_seconds},
                {"unreadable", files.failed()},
                {"errors_csv", files.failed() > 0 ? files.errors_csv().string() : ""},
                {"errors", errors}});
  else
    std::cout << rows << " embeddings of " << pipeline->dim() << " components: " << out.string()
              << ", their photos: " << files.csv().string() << '\n';
  return files.failed() > 0 ? 2 : 0;
}

}  // namespace

Command embed_command() {
  return command<EmbedOptions>("embed", "photos to embeddings: a .npy and a .csv", embed);
}

}  // namespace shoplens
