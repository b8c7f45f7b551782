// SPDX-License-Identifier: Apache-2.0
// Every command's options are one struct that lists its fields once:
//
//   struct EmbedOptions {
//     std::string model;
//     int batch_size = 16;
//     template <class V> void visit(V& v) {
//       v(model, "model", "model.onnx written by `shoplens export`");
//       v(batch_size, "batch-size", "photos in one network call");
//     }
//   };
//
// Flags, --help, TOML, JSON and docs/options.md all read that list. The default stands in the
// member initialiser and nowhere else.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

namespace shoplens {

using OptionValue =
    std::variant<bool*, int*, std::int64_t*, double*, std::string*, std::vector<std::string>*>;

/// One option: where its value lives and how it is called.
struct Option {
  std::string name;  // "batch-size": the flag is --batch-size, the TOML and JSON key batch_size
  std::string help;
  OptionValue value;
  std::vector<std::string> choices;  // empty: any value
  bool positional = false;           // given without a flag; at most one a command, a list
};

/// Collects what `visit` lists.
class OptionCollector {
 public:
  template <class T>
  void operator()(T& field, std::string name, std::string help,
                  std::vector<std::string> choices = {}) {
    add({std::move(name), std::move(help), &field, std::move(choices), false});
  }
  void positional(std::vector<std::string>& field, std::string name, std::string help) {
    add({std::move(name), std::move(help), &field, {}, true});
  }
  std::vector<Option> options;

 private:
  void add(Option option) {
    for (const Option& other : options)
      if (other.name == option.name)
        throw std::logic_error("two options are called " + option.name);
    options.push_back(std::move(option));
  }
};

/// The options of `options`, pointing into it: it must outlive the list.
template <class Options>
std::vector<Option> options_of(Options& options) {
  OptionCollector collector;
  options.visit(collector);
  return std::move(collector.options);
}

/// Sets the options from command-line words (without the program and verb). `--name value`,
/// `--name=value`,
/// `--flag` and `--no-flag` for a bool; a list option repeats. `--config FILE.toml` is read first,
/// so that a flag overrides it. Returns false when --help was asked for. Throws kBadInput for an
/// unknown flag (naming the nearest right one), a bad value, or a value out of `choices`.
bool parse_flags(const std::vector<Option>& options, const std::vector<std::string>& words);

/// The option's help with its choices and its default: "who bakes: Ann, Bob (\"Ann\")".
std::string help_of(const Option& option);

/// What `--help` prints for `program verb`: usage, summary, and a line an option with its default.
std::string help_text(const std::string& command, const std::string& summary,
                      const std::vector<Option>& options);

/// The same as a section of docs/options.md.
std::string help_markdown(const std::string& command, const std::string& summary,
                          const std::vector<Option>& options);

std::string to_toml(const std::vector<Option>& options);
std::string to_json(const std::vector<Option>& options);

/// Sets the options that `text` names. Throws kBadInput that names `source` (the file) for a syntax
/// error, an unknown key (naming the nearest right one) or a value of another type. A choice of on
/// and off may also be a bool.
void from_toml(const std::vector<Option>& options, const std::string& text,
               const std::string& source);
void from_json(const std::vector<Option>& options, const std::string& text,
               const std::string& source);

/// The entry of `names` nearest to `word` by edit distance; empty when none is close enough to be
/// meant.
std::string nearest_name(const std::string& word, const std::vector<std::string>& names);

/// Throws kBadInput "WHAT one of A, B, C, got WORD"; the hint is the nearest name, or `otherwise`
/// when none is near.
[[noreturn]] void refuse_name(const std::string& what, const std::string& word,
                              const std::vector<std::string>& names,
                              const std::string& otherwise = {});

}  // namespace shoplens
