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

// The options of the run that is resumed. What the command line says may not contradict them, but
// for what does not change the result: where the run ends for now, and which machine does it.
TrainOptions resumed(TrainOptions given) {
  TrainOptions saved = RunFolder::open(given.out).options(), defaults;
  const auto given_list = options_of(given), saved_list = options_of(saved),
             default_list = options_of(defaults);
  const std::vector<std::string> free{"out",     "resume",  "stop-epoch", "device",
                                      "threads", "workers", "prefetch",   "cache-mb"};
  for (std::size_t i = 0; i < given_list.size(); ++i) {
    const Option& option = given_list[i];
    const bool set = to_json({option}) != to_json({default_list[i]});
    if (std::count(free.begin(), free.end(), option.name)) continue;
    if (set && to_json({option}) != to_json({saved_list[i]}))
      throw Error(ErrorCode::kBadInput,
                  join("train: the run in ", given.out, " was begun with another --", option.name),
                  "leave it out to go on with the run; to change it, begin a new run");
  }
  for (std::size_t i = 0; i < given_list.size(); ++i)
    if (std::count(free.begin(), free.end(), given_list[i].name) &&
        to_json({given_list[i]}) != to_json({default_list[i]}))
      from_json({saved_list[i]}, to_json({given_list[i]}), "train");
  saved.stop_epoch = given.stop_epoch;
  saved.resume = true;
  saved.out = given.out;
  return saved;
}

// A step takes and gives back some GB in large pieces. glibc would hand each to the kernel and get
// it back as new, zeroed pages: 6 of 60 CPU seconds of MobileNetV2 at batch 32 went there, 2 with
// the heap kept.
void keep_freed_memory() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
}

int train(const TrainOptions& given) {
  keep_freed_memory();
  std::signal(SIGTERM, interrupt);
  std::signal(SIGINT, interrupt);
  check(!given.out.empty(), "train: want --out, got none");
  const TrainOptions options = given.resume ? resumed(given) : given;
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

// A recipe is read before flags and --config, which win over it.
int run_train(const Words& words) {
  TrainOptions options;
  if (std::count(words.begin(), words.end(), "--list-recipes")) {
    for (const Recipe& recipe : recipes())
      std::cout << recipe.name << "\t" << recipe.summary() << '\n';
    return 0;
  }
  TrainOptions first;  // the flags alone, for the recipe's name
  if (parse_flags(options_of(first), words) && !first.recipe.empty())
    from_toml(options_of(options), find_recipe(first.recipe).text, "recipe " + first.recipe);
  if (parse_flags(options_of(options), words)) return train(options);
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
