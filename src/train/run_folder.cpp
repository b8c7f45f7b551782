// SPDX-License-Identifier: Apache-2.0
#include "train/run_folder.h"

#include <torch/version.h>

#include <algorithm>
#include <iomanip>
#include <limits>
#include <sstream>
#include <string_view>

#include "core/error.h"
#include "core/files.h"
#include "core/options.h"
#include "data/csv.h"

namespace shoplens {
namespace fs = std::filesystem;
namespace {

constexpr const char *kClassWeight = "classes.weight", *kClassBias = "classes.bias";
constexpr std::string_view kData = ", data ";  // before the hash, in config.toml's first line

std::string exact(double x) {
  std::ostringstream out;
  out << std::setprecision(std::numeric_limits<double>::max_digits10) << x;
  return out.str();
}

std::map<std::string, std::string> to_map(const RunState& s) {
  return {{"epoch", std::to_string(s.epoch)},  {"batch", std::to_string(s.batch)},
          {"step", std::to_string(s.step)},    {"best_epoch", std::to_string(s.best_epoch)},
          {"best_score", exact(s.best_score)}, {"loss_sum", exact(s.loss_sum)},
          {"data_hash", s.data_hash}};
}

RunState to_state(const std::map<std::string, std::string>& map, const fs::path& path) {
  try {
    return {.epoch = std::stoll(map.at("epoch")),
            .batch = std::stoll(map.at("batch")),
            .step = std::stoll(map.at("step")),
            .best_epoch = std::stoll(map.at("best_epoch")),
            .best_score = std::stod(map.at("best_score")),
            .loss_sum = std::stod(map.at("loss_sum")),
            .data_hash = map.at("data_hash")};
  } catch (const std::exception&) {  // a missing key or no number
    throw Error(ErrorCode::kCorrupt, join("not a checkpoint of a run: the run's state is missing (",
                                          path.string(), ")"));
  }
}

// Empty, or what a run leaves that was killed before it had its config.toml.
bool is_unused(const fs::path& folder) {
  return std::all_of(
      fs::directory_iterator(folder), fs::directory_iterator(), [](const fs::directory_entry& e) {
        const std::string name = e.path().filename().string();
        return ((name == "last" || name == "best") && e.is_directory() && fs::is_empty(e.path())) ||
               name.starts_with("config.toml.tmp");  // AtomicFile's
      });
}

// config.toml comes last: a folder with it is a run's, and whole.
void make_folder(const fs::path& path, const std::vector<std::string>& inside) {
  if (fs::exists(path) && (!fs::is_directory(path) || !is_unused(path)))
    throw Error(
        ErrorCode::kBadInput,
        join("want a new or empty folder, found one with content (", path.string(), ")"),
        "a run is never overwritten: give another --out, or --resume to go on with this one");
  std::error_code failed;
  fs::create_directories(path, failed);
  for (const std::string& name : inside)
    if (!failed) fs::create_directories(path / name, failed);
  if (failed)
    throw Error(ErrorCode::kIo,
                join("cannot make the run folder: ", failed.message(), " (", path.string(), ")"));
}

// In a checkpoint of before heads were averaged too the average begins with the head itself.
void start_average_of_head(NamedTensors& saved) {
  const auto holds = [&](const char* prefix) {
    return std::any_of(saved.begin(), saved.end(),
                       [&](const auto& item) { return item.first.starts_with(prefix); });
  };
  if (!holds("average.") || holds("average_head.")) return;
  NamedTensors begun;
  for (const auto& [name, tensor] : saved)
    if (name.starts_with("head.")) begun.emplace_back("average_" + name, tensor);
  saved.insert(saved.end(), begun.begin(), begun.end());
}

void write_config(const fs::path& path, TrainOptions& options, const std::string& more) {
  write_file(path / "config.toml", join("# shoplens ", SHOPLENS_VERSION, ", LibTorch ",
                                        TORCH_VERSION, more, "\n", to_toml(options_of(options))));
}

}  // namespace

RunFolder RunFolder::create(const fs::path& path, TrainOptions options,
                            const std::string& data_hash) {
  make_folder(path, {"last", "best"});
  write_config(path, options, join(kData, data_hash));
  return RunFolder(path);
}

RunFolder RunFolder::create_parent(const fs::path& path, TrainOptions options) {
  make_folder(path, {});
  write_config(path, options, "");
  return RunFolder(path);
}

RunFolder RunFolder::open(const fs::path& path) {
  if (!fs::exists(path / "config.toml"))
    throw Error(ErrorCode::kNotFound,
                join("want a run folder, found no config.toml in it (", path.string(), ")"),
                "a run folder is what `shoplens train --out` makes");
  return RunFolder(path);
}

TrainOptions RunFolder::options() const {
  TrainOptions options;
  from_toml(options_of(options), read_file(path_ / "config.toml", 1 << 20),
            (path_ / "config.toml").string());
  return options;
}

std::optional<std::string> RunFolder::data_hash() const {
  const std::string text = read_file(path_ / "config.toml", 1 << 20);
  const std::string line = text.substr(0, text.find('\n'));
  const std::size_t place = line.find(kData);
  if (!line.starts_with('#') || place == std::string::npos) return std::nullopt;
  return line.substr(place + kData.size());
}

void RunFolder::save_checkpoint(const RunState& state, const NamedTensors& tensors) const {
  write_safetensors(path_ / "last" / "checkpoint.safetensors", tensors, to_map(state));
}

bool RunFolder::has_checkpoint() const {
  return fs::exists(path_ / "last" / "checkpoint.safetensors");
}

RunState RunFolder::load_checkpoint(const NamedTensors& tensors) const {
  const fs::path file = path_ / "last" / "checkpoint.safetensors";
  Safetensors saved = read_safetensors(file);
  RunState state = to_state(saved.metadata, file);
  start_average_of_head(saved.tensors);
  load_tensors(tensors, saved.tensors, file);
  return state;
}

void RunFolder::save_best(const TrainedModel& model, const RunState& state) const {
  auto metadata = to_metadata(model.info);
  metadata["shoplens.pool"] = model.pool;
  metadata["shoplens.epoch"] = std::to_string(state.best_epoch);
  metadata["shoplens.val_score"] = exact(state.best_score);
  NamedTensors tensors = model.tensors;
  if (model.classes) {
    metadata["shoplens.of_unit_vector"] = model.classes->of_unit_vector ? "true" : "false";
    tensors.emplace_back(kClassWeight, model.classes->weight);
    tensors.emplace_back(kClassBias, model.classes->bias);
  }
  write_safetensors(path_ / "best" / "model.safetensors", tensors, metadata);
}

TrainedModel RunFolder::load_best() const {
  const fs::path file = path_ / "best" / "model.safetensors";
  if (!fs::exists(file))
    throw Error(
        ErrorCode::kNotFound, join("the run has no best model yet (", file.string(), ")"),
        "it is written after the first validated epoch; go on with `shoplens train --resume`");
  Safetensors saved = read_safetensors(file);
  const auto pool = saved.metadata.find("shoplens.pool");
  if (pool == saved.metadata.end())
    throw Error(ErrorCode::kCorrupt,
                join("not written by `shoplens train`: no shoplens.pool (", file.string(), ")"));
  TrainedModel model{from_metadata(saved.metadata, file), pool->second, {}, std::nullopt};
  LinearScores classes;
  for (auto& [name, tensor] : saved.tensors)
    if (name == kClassWeight)
      classes.weight = tensor;
    else if (name == kClassBias)
      classes.bias = tensor;
    else
      model.tensors.emplace_back(std::move(name), std::move(tensor));
  if (classes.weight.defined() && classes.bias.defined()) {
    classes.of_unit_vector = saved.metadata["shoplens.of_unit_vector"] == "true";
    model.classes = std::move(classes);
  }
  return model;
}

std::optional<EpochSummary> RunFolder::best_epoch() const {
  const fs::path best = path_ / "best" / "model.safetensors", file = path_ / "summary.csv";
  if (!fs::exists(best) || !fs::exists(file)) return std::nullopt;
  const std::string epoch = read_safetensors(best).metadata.at("shoplens.epoch");
  for (const auto& [line, row] : parse_csv(read_file(file), file.string()))
    if (row.at(0) == epoch) {
      const auto value = [&row = row](std::size_t i) {
        return row.at(i).empty() ? -1 : std::stod(row.at(i));
      };
      return EpochSummary{.epoch = std::stoll(epoch),
                          .train_loss = value(1),
                          .lr = value(2),
                          .images_per_second = value(3),
                          .wait_share = value(4),
                          .seconds = value(5),
                          .recall_at_1 = value(6),
                          .recall_at_5 = value(7),
                          .map = value(8),
                          .gap = value(9)};
    }
  return std::nullopt;
}

void RunFolder::add_summary(const EpochSummary& row) const {
  const fs::path file = path_ / "summary.csv";
  std::ostringstream out;
  out << "epoch,train_loss,lr,images_per_second,wait_share,seconds,val_recall_at_1,val_recall_at_5,"
         "val_map,val_gap\n";
  if (fs::exists(file)) {
    std::istringstream old(read_file(file));
    std::string line;
    std::getline(old, line);  // the header
    while (std::getline(old, line))
      if (std::atoll(line.c_str()) < row.epoch) out << line << '\n';
  }
  out << row.epoch << ',' << row.train_loss << ',' << row.lr << ',' << row.images_per_second << ','
      << row.wait_share << ',' << row.seconds;
  for (const double value : {row.recall_at_1, row.recall_at_5, row.map, row.gap}) {
    out << ',';
    if (value >= 0) out << value;
  }
  out << '\n';
  write_file(file, out.str());
}

}  // namespace shoplens
