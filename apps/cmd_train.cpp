// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <limits>

#include "apps/commands.h"
#include "apps/recipes.h"
#include "core/error.h"
#include "core/log.h"
#include "train/folds.h"

namespace shoplens {
namespace {

constexpr const char* kSummary = "train an embedding model on a catalogue of photos";

std::atomic<bool> interrupted = false;
extern "C" void interrupt(int) { interrupted = true; }

// A recipe, then --config and flags, which win over it. False: --help was asked for.
bool read_options(TrainOptions& options, const Words& words) {
  TrainOptions first;  // the flags alone, for the recipe's name
  if (parse_flags(options_of(first), words) && !first.recipe.empty())
    from_toml(options_of(options), find_recipe(first.recipe).text, "recipe " + first.recipe);
  return parse_flags(options_of(options), words);
}

// The options of the run that is resumed. What the command line says may not contradict them, but
// for where the run ends for now, how much of a machine does it (with as many --threads to the same
// bits), and whether a GPU is given its steps as a graph.
TrainOptions resumed(const std::string& out, const Words& words) {
  TrainOptions saved = resolved(RunFolder::open(out).options());
  TrainOptions wanted = saved;
  wanted.stop_epoch = TrainOptions().stop_epoch;  // it is for one sitting
  read_options(wanted, words);
  wanted = resolved(wanted);
  const std::vector<std::string> free{"out",        "resume",   "stop-epoch", "threads",
                                      "workers",    "prefetch", "cache-mb",   "checkpoint-minutes",
                                      "cuda-graphs"};
  const auto wanted_list = options_of(wanted), saved_list = options_of(saved);
  for (std::size_t i = 0; i < wanted_list.size(); ++i)
    if (!std::count(free.begin(), free.end(), wanted_list[i].name) &&
        to_json({wanted_list[i]}) != to_json({saved_list[i]}))
      throw Error(
          ErrorCode::kBadInput,
          join("train: the run in ", out, " was begun with another --", wanted_list[i].name),
          "leave it out to go on with the run; to change it, begin a new run");
  return wanted;
}

// A step takes and gives back some GB in large pieces. glibc would hand each to the kernel and get
// it back as new, zeroed pages: 6 of 60 CPU seconds of MobileNetV2 at batch 32 went there, 2 with
// the heap kept.
void keep_freed_memory() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
}

int train(const TrainOptions& options) {
  keep_freed_memory();
  std::signal(SIGTERM, interrupt);
  std::signal(SIGINT, interrupt);
  const bool folds = wants_all_folds(options);
  const RunEnd end =
      folds ? train_folds(options, interrupted) : Trainer(options, interrupted).run();
  if (end == RunEnd::kInterrupted) return 130;
  const std::string run = options.out + (folds ? "/fold-0" : "");
  log_info(end == RunEnd::kStopEpoch
               ? "stopped as told; --resume goes on"
               : join("done: ", run, "/best/model.safetensors; next: shoplens export ", run));
  return 0;
}

int run_train(const Words& words) {
  if (std::count(words.begin(), words.end(), "--list-recipes")) {
    for (const Recipe& recipe : recipes())
      std::cout << recipe.name << "\t" << recipe.summary() << '\n';
    return 0;
  }
  TrainOptions options;
  if (read_options(options, words)) {
    check(!options.out.empty(), "train: want --out, got none");
    return train(options.resume ? resumed(options.out, words) : options);
  }
  std::cout << help_text("shoplens train", kSummary, options_of(options))
            << "  --list-recipes    names the shipped recipes\n";
  return 0;
}

}  // namespace

Command train_command() {
  Command verb = command("train", kSummary, train);
  verb.run = run_train;
  return verb;
}

}  // namespace shoplens
