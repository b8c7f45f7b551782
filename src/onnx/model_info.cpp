// SPDX-License-Identifier: Apache-2.0
#include "onnx/model_info.h"

#include <array>
#include <charconv>
#include <cmath>
#include <protozero/pbf_writer.hpp>

#include "core/error.h"
#include "onnx/model_proto.h"

namespace shoplens {
namespace fs = std::filesystem;
namespace {

using Metadata = std::map<std::string, std::string>;
constexpr const char* kFormat = "1";
constexpr const char* kFormatWithDecode = "2";  // who does not know the key would decode in full
constexpr const char* kClassesKey = "shoplens.classes";
constexpr const char* kDecodeKey = "shoplens.decode";  // absent: full
constexpr const char* kHeldOutKey = "shoplens.held_out";
constexpr const char* kWeightBitsKey = "shoplens.weight_bits";
constexpr int kMaxDim = 65536,
              kMaxSize = 8192;  // far over any real network; a damaged file is over them

// A label a line; a backslash or line break inside one is escaped.
std::string lines_of(const std::vector<std::string>& labels) {
  std::string text;
  for (const std::string& label : labels) {
    if (&label != &labels[0]) text += '\n';
    for (const char c : label) {
      if (c == '\\' || c == '\n') text += '\\';
      text += c == '\n' ? 'n' : c;
    }
  }
  return text;
}

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> labels(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n')
      labels.emplace_back();
    else if (text[i] == '\\' && i + 1 < text.size())
      labels.back() += text[++i] == 'n' ? '\n' : text[i];
    else
      labels.back() += text[i];
  }
  return labels;
}

// Shortest digits that come back to the same number, whatever the locale.
template <class Number>
std::string number_text(Number number) {
  char text[64];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

// "2 of 5, seed 42, HASH, column", the column only where there is one.
std::string text_of(const HeldOutFold& f) {
  std::string text = join(f.fold, " of ", f.folds, ", seed ", f.seed, ", ", f.list_hash);
  return f.group_column.empty() ? text : text + ", " + f.group_column;
}

std::string triple_text(const std::array<float, 3>& t) {
  return number_text(t[0]) + " " + number_text(t[1]) + " " + number_text(t[2]);
}

bool is_hash(std::string_view word) {
  return word.size() == 64 && word.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// Takes values out of the metadata; every failure names the key and the file.
struct Reader {
  const Metadata& metadata;
  const fs::path& path;

  const std::string& text(const std::string& key) const {
    const auto found = metadata.find(key);
    if (found == metadata.end()) corrupt_model("want metadata " + key + ", got none", path);
    return found->second;
  }
  [[noreturn]] void wrong(const std::string& key, const std::string& want) const {
    corrupt_model(join(key, ": want ", want, ", got \"", text(key), "\""), path);
  }
  int integer(const std::string& key, int most) const {
    const std::string& word = text(key);
    int number = 0;
    const auto [end, status] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (status != std::errc{} || end != word.data() + word.size() || number < 1 || number > most)
      wrong(key, "an integer in 1.." + std::to_string(most));
    return number;
  }
  double fraction(const std::string& key) const {
    const std::string& word = text(key);
    double number = 0;
    const auto [end, status] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (status != std::errc{} || end != word.data() + word.size() || !(number > 0 && number <= 1))
      wrong(key, "a number over 0, at most 1");
    return number;
  }
  std::array<float, 3> triple(const std::string& key) const {
    const std::string& word = text(key);
    std::array<float, 3> numbers{};
    const char *at = word.data(), *const stop = at + word.size();
    for (int i = 0; i < 3; ++i) {
      if (i > 0 && (at == stop || *at++ != ' ')) wrong(key, "three numbers");
      const auto [end, status] = std::from_chars(at, stop, numbers[i]);
      if (status != std::errc{} || !std::isfinite(numbers[i])) wrong(key, "three numbers");
      at = end;
    }
    if (at != stop) wrong(key, "three numbers");
    return numbers;
  }
  std::string hash(const std::string& key) const {
    const std::string& word = text(key);
    if (!is_hash(word)) wrong(key, "64 hexadecimal digits");
    return word;
  }
  HeldOutFold held_out_fold(const std::string& key) const {
    HeldOutFold f;
    std::string_view left = text(key);
    const auto want = [&](bool is_so) {
      if (!is_so) wrong(key, "\"fold of folds, seed number, hash\" and maybe a column");
    };
    const auto take = [&](std::string_view word) {
      want(left.starts_with(word));
      left.remove_prefix(word.size());
    };
    const auto number = [&](auto& value) {
      const auto [end, status] = std::from_chars(left.data(), left.data() + left.size(), value);
      want(status == std::errc{});
      left.remove_prefix(static_cast<std::size_t>(end - left.data()));
    };
    number(f.fold);
    take(" of ");
    number(f.folds);
    take(", seed ");
    number(f.seed);
    take(", ");
    f.list_hash = left.substr(0, 64);
    left.remove_prefix(f.list_hash.size());
    if (!left.empty()) take(", ");
    f.group_column = left;
    want(f.fold >= 0 && f.fold < f.folds && is_hash(f.list_hash));
    return f;
  }
  template <class Parse>
  auto word(const std::string& key, Parse parse, const char* want) const {
    try {
      return parse(text(key));
    } catch (const Error& e) {
      if (e.code != ErrorCode::kBadInput) throw;
      wrong(key, want);
    }
  }
};

}  // namespace

void corrupt_model(const std::string& what, const fs::path& path, const std::string& hint) {
  throw Error(ErrorCode::kCorrupt, join("model: ", what, " (", path.string(), ")"), hint);
}

std::string metadata_entry(const std::string& key, const std::string& value) {
  std::string bytes;
  protozero::pbf_writer model(bytes);
  {
    protozero::pbf_writer entry(model, 14);
    entry.add_string(1, key);
    entry.add_string(2, value);
  }
  return bytes;
}

Metadata to_metadata(const ModelInfo& info) {
  const Preprocessing& p = info.preprocessing;
  const bool full = p.decode == Decode::kFull;
  Metadata metadata{{kFormatKey, full ? kFormat : kFormatWithDecode},
                    {"shoplens.arch", info.arch},
                    {"shoplens.dim", std::to_string(info.dim)},
                    {"shoplens.input_size", std::to_string(p.size)},
                    {"shoplens.fit", to_string(p.fit)},
                    {"shoplens.crop_pct", number_text(p.crop_pct)},
                    {"shoplens.interpolation", to_string(p.interpolation)},
                    {"shoplens.mean", triple_text(p.mean)},
                    {"shoplens.std", triple_text(p.std)},
                    {"shoplens.labels_hash", info.labels_hash},
                    {kFingerprintKey, info.fingerprint}};
  if (!info.classes.empty()) metadata[kClassesKey] = lines_of(info.classes);
  if (!full) metadata[kDecodeKey] = to_string(p.decode);
  if (info.held_out) metadata[kHeldOutKey] = text_of(*info.held_out);
  if (info.weight_bits > 0) metadata[kWeightBitsKey] = std::to_string(info.weight_bits);
  return metadata;
}

ModelInfo from_metadata(const Metadata& metadata, const fs::path& path) {
  const Reader read{metadata, path};
  const std::string& format = read.text(kFormatKey);
  if (format != kFormat && format != kFormatWithDecode)
    throw Error(ErrorCode::kUnsupported,
                join("model: want ", kFormatKey, " ", kFormat, " or ", kFormatWithDecode, ", got ",
                     format, " (", path.string(), ")"),
                "it was written by a newer shoplens");
  ModelInfo info;
  info.arch = read.text("shoplens.arch");
  info.dim = read.integer("shoplens.dim", kMaxDim);
  Preprocessing& p = info.preprocessing;
  p.size = read.integer("shoplens.input_size", kMaxSize);
  p.fit = read.word("shoplens.fit", fit_from_string, "squash, crop or letterbox");
  p.crop_pct = read.fraction("shoplens.crop_pct");
  p.interpolation =
      read.word("shoplens.interpolation", interpolation_from_string, "bilinear or bicubic");
  if (metadata.contains(kDecodeKey))
    p.decode = read.word(kDecodeKey, decode_from_string, "full or draft");
  p.mean = read.triple("shoplens.mean");
  p.std = read.triple("shoplens.std");
  for (const float s : p.std)
    if (s <= 0) read.wrong("shoplens.std", "numbers over 0");
  if (!read.text("shoplens.labels_hash").empty())
    info.labels_hash = read.hash("shoplens.labels_hash");
  if (metadata.contains(kClassesKey)) info.classes = split_lines(read.text(kClassesKey));
  if (metadata.contains(kHeldOutKey)) info.held_out = read.held_out_fold(kHeldOutKey);
  if (metadata.contains(kWeightBitsKey)) info.weight_bits = read.integer(kWeightBitsKey, 8);
  if (!read.text(kFingerprintKey).empty())  // a checkpoint of a training run has none yet
    info.fingerprint = read.hash(kFingerprintKey);
  return info;
}

}  // namespace shoplens
