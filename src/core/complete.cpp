// SPDX-License-Identifier: Apache-2.0
#include "core/complete.h"

#include <algorithm>

#include "core/error.h"

namespace shoplens {
namespace {

bool is_bool(const Option& option) { return std::holds_alternative<bool*>(option.value); }

bool is_text(const Option& option) {
  return std::holds_alternative<std::string*>(option.value) ||
         std::holds_alternative<std::vector<std::string>*>(option.value);
}

const Option* find_flag(const std::vector<Option>& options, const std::string& word) {
  const auto found = std::find_if(options.begin(), options.end(), [&](const Option& option) {
    return !option.positional && word == "--" + option.name;
  });
  return found == options.end() ? nullptr : &*found;
}

// `before` is what stands in the same word: "--flag=".
Completions values_of(const Option& option, const std::string& begun, const std::string& before) {
  Completions found;
  for (const std::string& choice : option.choices)
    if (!choice.empty() && choice.starts_with(begun)) found.words.push_back({before + choice, ""});
  found.files = option.choices.empty() && is_text(option);
  return found;
}

Completions flags(const std::vector<Option>& options, const std::string& begun) {
  Completions found;
  for (const Option& option : options) {
    if (option.positional) continue;
    const bool on = is_bool(option) && *std::get<bool*>(option.value);  // only "no" changes it
    const std::string flag = (on ? "--no-" : "--") + option.name;
    if (flag.starts_with(begun)) found.words.push_back({flag, (on ? "not: " : "") + option.help});
  }
  return found;
}

}  // namespace

Completions complete_options(std::vector<Option> options, const std::vector<std::string>& words) {
  check(!words.empty(), "complete: want the word that is begun, got none");
  std::string config;
  bool help = false;
  options.push_back({"config", "TOML file with any of these", &config, {}, false});
  options.push_back({"help", "tell the options", &help, {}, false});

  const std::string& begun = words.back();
  if (words.size() > 1)
    if (const Option* flag = find_flag(options, words[words.size() - 2]); flag && !is_bool(*flag))
      return values_of(*flag, begun, "");
  if (const std::size_t equals = begun.find('='); equals != std::string::npos)
    if (const Option* flag = find_flag(options, begun.substr(0, equals)); flag && !is_bool(*flag))
      return values_of(*flag, begun.substr(equals + 1), begun.substr(0, equals + 1));
  const bool positional = std::any_of(options.begin(), options.end(),
                                      [](const Option& option) { return option.positional; });
  if (begun.starts_with('-') || (begun.empty() && !positional)) return flags(options, begun);
  return {{}, positional};
}

std::string to_lines(const Completions& completions) {
  std::string lines;
  for (const auto& [word, help] : completions.words) lines += join(word, '\t', help, '\n');
  return lines + (completions.files ? ":files\n" : "");
}

}  // namespace shoplens
