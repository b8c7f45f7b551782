// SPDX-License-Identifier: Apache-2.0
#include "apps/commands.h"
#include "core/error.h"
#include "core/log.h"
#include "data/manifest.h"
#include "demo/result_files.h"

namespace shoplens {
namespace {

struct PageCommandOptions {
  std::string predictions, data, eval, out = "page.html";
  PageOptions page;

  template <class V>
  void visit(V& v) {
    v(predictions, "predictions", "what `shoplens predict --json` wrote");
    v(data, "data", "CSV (path,label) or folder of the same photos");
    v(eval, "eval", "what `shoplens eval --json` wrote; empty: no numbers at the top");
    v(out, "out", "HTML file to write");
    v(page.title, "title", "heading of the page");
    v(page.mistakes, "mistakes", "most mistakes shown");
    v(page.samples, "samples", "most right answers shown");
    v(page.thumbnail, "thumbnail", "longest side of an embedded photo, pixels");
  }
};

int page(const PageCommandOptions& options) {
  check(!options.predictions.empty(), "page: want --predictions FILE, got none");
  check(!options.data.empty(), "page: want --data CSV, got none");
  check(options.page.thumbnail >= 16 && options.page.thumbnail <= 1024,
        "page: want a thumbnail of 16 to 1024 pixels, got ", options.page.thumbnail);
  const PageMetrics metrics = options.eval.empty() ? PageMetrics{} : read_metrics(options.eval);
  const std::vector<PageRow> rows =
      read_predictions(options.predictions, read_manifest(options.data));
  write_page(options.out, metrics, rows, options.page);
  log_info("page of ", rows.size(), " queries in ", options.out);
  return 0;
}

}  // namespace

Command page_command() {
  return command("page", "write an HTML page of queries and their nearest gallery photos", page);
}

}  // namespace shoplens
