// SPDX-License-Identifier: Apache-2.0
#include "demo/result_files.h"

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"

namespace shoplens {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::uint64_t kMaxBytes = 1ull << 30;

// Parses `file` and gives the document to `read`; whatever is wrong with it becomes an Error that
// names the file.
template <class Read>
auto with_json(const fs::path& file, const char* maker, Read read) {
  try {
    return read(json::parse(read_file(file, kMaxBytes)));
  } catch (const json::exception& e) {
    throw Error(ErrorCode::kBadInput,
                join("page: want the JSON of `shoplens ", maker,
                     " --json`, got another: ", e.what(), " (", file.string(), ")"));
  }
}

// From a photo's path, as any of the ways to write it, to its row in the manifest.
std::map<std::string, std::size_t> rows_by_path(const Manifest& truth) {
  std::map<std::string, std::size_t> rows;
  for (std::size_t i = 0; i < truth.size(); ++i)
    for (const std::string& path :
         {truth.names[i], truth.paths[i].string(), truth.paths[i].lexically_normal().string()})
      rows.emplace(path, i);
  return rows;
}

fs::path find_photo(const fs::path& path, const Manifest& truth) {
  const fs::path beside = truth.source.parent_path() / path;
  return path.is_relative() && !fs::exists(path) && fs::exists(beside) ? beside : path;
}

PageNeighbour neighbour_of(const json& n, const Manifest& truth) {
  return {find_photo(n.at("path").get<std::string>(), truth), n.at("label").get<std::string>(),
          n.at("score").get<double>()};
}

std::string error_text(const json& error) {
  if (error.is_string()) return error.get<std::string>();
  return error.contains("message") ? error["message"].get<std::string>() : error.dump();
}

PageRow row_of(const json& entry, const Manifest& truth) {
  PageRow row;
  row.name = entry.at("path").get<std::string>();
  if (entry.contains("error")) {
    row.error = error_text(entry["error"]);
    return row;
  }
  row.predicted = entry.at("label").get<std::string>();
  row.score = entry.at("score").get<double>();
  for (const json& n : entry.at("neighbours")) row.neighbours.push_back(neighbour_of(n, truth));
  return row;
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f%%", 100 * share);
  return text;
}

}  // namespace

std::vector<PageRow> read_predictions(const fs::path& file, const Manifest& truth) {
  const auto rows_of = rows_by_path(truth);
  return with_json(file, "predict", [&](const json& document) {
    if (!document.is_array())
      throw Error(ErrorCode::kBadInput, join("page: want a list of predictions, got ",
                                             document.type_name(), " (", file.string(), ")"));
    std::vector<PageRow> rows;
    for (const json& entry : document) {
      PageRow row = row_of(entry, truth);
      const auto at = rows_of.find(row.name);
      if (at == rows_of.end())
        throw Error(ErrorCode::kBadInput,
                    join("page: want predictions for the photos of ", truth.source.string(),
                         ", got ", row.name, " (", file.string(), ")"));
      row.photo = truth.paths[at->second];
      row.name = truth.names[at->second];
      row.label = truth.labels[at->second];
      rows.push_back(std::move(row));
    }
    return rows;
  });
}

PageMetrics read_metrics(const fs::path& file) {
  return with_json(file, "eval", [](const json& e) -> PageMetrics {
    const auto share = [&](const char* key) { return percent(e.at(key).get<double>()); };
    const auto count = [&](const char* key) {
      return std::to_string(e.at(key).get<std::int64_t>());
    };
    return {{"Recall@1", share("recall_at_1")},
            {"Recall@5", share("recall_at_5")},
            {"mAP", share("map")},
            {"Macro F1", share("macro_f1")},
            {"Queries", count("queries")},
            {"Gallery photos", count("gallery")}};
  });
}

}  // namespace shoplens
