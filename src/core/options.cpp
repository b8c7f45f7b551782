// SPDX-License-Identifier: Apache-2.0
#include "core/options.h"

#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iomanip>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"

namespace shoplens {
namespace {

using Json = nlohmann::ordered_json;
template <class... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overload(Cases...) -> Overload<Cases...>;  // Clang 14 does not deduce it for an aggregate

std::string key_of(const Option& option) {
  std::string key = option.name;
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

const char* type_name(const OptionValue& value) {
  return std::visit(
      Overload{[](bool*) { return "a bool"; }, [](int*) { return "an integer"; },
               [](std::int64_t*) { return "an integer"; }, [](double*) { return "a number"; },
               [](std::string*) { return "a string"; },
               [](std::vector<std::string>*) { return "a list of strings"; }},
      value);
}

// The value as JSON. TOML and help spell scalars the same way: numbers shortest, strings quoted and
// escaped.
Json json_value(const OptionValue& value) {
  return std::visit([](auto* field) { return Json(*field); }, value);
}

// One line. A path may be no UTF-8: its odd bytes become U+FFFD.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void check_choice(const Option& option, const std::string& word, const std::string& where) {
  if (option.choices.empty() || std::count(option.choices.begin(), option.choices.end(), word))
    return;
  std::string list;
  for (const std::string& choice : option.choices) list += (list.empty() ? "" : ", ") + choice;
  throw Error(ErrorCode::kBadInput, join(where, ": want one of ", list, ", got ", word));
}

[[noreturn]] void unknown(const std::string& where, const std::string& what,
                          const std::string& word, const std::vector<std::string>& names,
                          const std::string& prefix) {
  const std::string near = nearest_name(word, names);
  throw Error(ErrorCode::kBadInput, join(where, "unknown ", what, " ", prefix, word),
              near.empty() ? "see --help" : join("did you mean ", prefix, near, "?"));
}

// Sets one option from a JSON value; TOML values come here too, as JSON.
void set_from_json(const Option& option, const Json& json, const std::string& where) {
  const auto wrong = [&] {
    throw Error(ErrorCode::kBadInput,
                join(where, ": want ", type_name(option.value), ", got ", text_of(json)));
  };
  std::visit(
      Overload{
          [&](bool* field) { json.is_boolean() ? void(*field = json.get<bool>()) : wrong(); },
          [&](double* field) { json.is_number() ? void(*field = json.get<double>()) : wrong(); },
          [&](std::string* field) {
            if (json.is_boolean() && std::count(option.choices.begin(), option.choices.end(), "on"))
              return void(*field = json.get<bool>() ? "on" : "off");
            if (!json.is_string()) wrong();
            check_choice(option, json.get<std::string>(), where);
            *field = json.get<std::string>();
          },
          [&](std::vector<std::string>* field) {
            if (!json.is_array()) wrong();
            field->clear();
            for (const Json& item : json) {
              if (!item.is_string()) wrong();
              check_choice(option, item.get<std::string>(), where);
              field->push_back(item.get<std::string>());
            }
          },
          [&](auto* field) {  // int, int64
            using Int = std::remove_reference_t<decltype(*field)>;
            if (!json.is_number_integer()) wrong();
            if (json.is_number_unsigned() && json.get<std::uint64_t>() > INT64_MAX) wrong();
            const auto number = json.get<std::int64_t>();
            if (number < std::numeric_limits<Int>::min() ||
                number > std::numeric_limits<Int>::max())
              wrong();
            *field = static_cast<Int>(number);
          }},
      option.value);
}

void set_from_object(const std::vector<Option>& options, const Json& object,
                     const std::string& source) {
  std::vector<std::string> keys;
  for (const Option& option : options) keys.push_back(key_of(option));
  for (const auto& [key, value] : object.items()) {
    const auto found = std::find(keys.begin(), keys.end(), key);
    if (found == keys.end()) unknown(source + ": ", "key", key, keys, "");
    set_from_json(options[static_cast<std::size_t>(found - keys.begin())], value,
                  source + ": " + key);
  }
}

Json json_of(const toml::node& node, const std::string& where) {
  if (const auto* value = node.as_boolean()) return value->get();
  if (const auto* value = node.as_integer()) return value->get();
  if (const auto* value = node.as_floating_point()) return value->get();
  if (const auto* value = node.as_string()) return value->get();
  if (const auto* list = node.as_array()) {
    Json json = Json::array();
    for (const toml::node& item : *list) json.push_back(json_of(item, where));
    return json;
  }
  throw Error(ErrorCode::kBadInput, join(where, ": want a string, number, bool or list of strings"),
              "the options are flat: there are no tables");
}

// A word of the command line as the JSON value of the option's type.
Json json_of_word(const Option& option, const std::string& word, const std::string& where) {
  if (std::holds_alternative<std::string*>(option.value)) return word;
  if (std::holds_alternative<double*>(option.value)) {  // also .5 and 5., which JSON has not
    double number = 0;
    const auto [end, status] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (status == std::errc{} && end == word.data() + word.size() && std::isfinite(number))
      return number;
  } else if (Json json = Json::parse(word, nullptr, false); !json.is_discarded()) {
    return json;
  }
  throw Error(ErrorCode::kBadInput,
              join(where, ": want ", type_name(option.value), ", got ", word));
}

// `word` is what follows the flag; a list grows by it.
void set_from_word(const Option& option, const std::string& word, const std::string& where,
                   bool first) {
  if (auto* const* list = std::get_if<std::vector<std::string>*>(&option.value)) {
    check_choice(option, word, where);
    if (first) (*list)->clear();  // the default or the config's list gives way to the flags'
    (*list)->push_back(word);
  } else {
    set_from_json(option, json_of_word(option, word, where), where);
  }
}

}  // namespace

std::string nearest_name(const std::string& word, const std::vector<std::string>& names) {
  const auto distance = [](const std::string& a, const std::string& b) {  // Levenshtein
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
      std::size_t diagonal = row[0]++;
      for (std::size_t j = 1; j <= b.size(); ++j) {
        const std::size_t above = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
        diagonal = above;
      }
    }
    return row.back();
  };
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& name : names) {
    // A name begun and not ended is nearer than its missing letters say.
    const bool begun = word.size() > 2 && name.rfind(word, 0) == 0;
    const std::size_t d = begun ? 1 : distance(word, name);
    if (d < best_distance) best = name, best_distance = d;
  }
  return best;
}

void refuse_name(const std::string& what, const std::string& word,
                 const std::vector<std::string>& names, const std::string& otherwise) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  const std::string near = nearest_name(word, names);
  throw Error(ErrorCode::kBadInput, join(what, " one of ", list, ", got ", word),
              near.empty() ? otherwise : "did you mean " + near + "?");
}

bool parse_flags(const std::vector<Option>& options, const std::vector<std::string>& words) {
  std::vector<std::string> names{"config", "help"};
  for (const Option& option : options) {
    if (!option.positional) names.push_back(option.name);
    if (std::holds_alternative<bool*>(option.value)) names.push_back("no-" + option.name);
  }
  const auto find = [&](const std::string& name) {
    return std::find_if(options.begin(), options.end(), [&](const Option& option) {
      return !option.positional && option.name == name;
    });
  };
  struct Setting {
    const Option* option;
    std::string word, where;
  };
  std::vector<Setting> settings;  // applied after --config, so that a flag wins wherever it stands
  std::string config;
  bool only_positional = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!only_positional && (word == "--help" || word == "-h")) return false;
    if (!only_positional && word == "--") {
      only_positional = true;
      continue;
    }
    if (only_positional || word.size() < 2 || word[0] != '-') {
      const auto positional = std::find_if(options.begin(), options.end(),
                                           [](const Option& option) { return option.positional; });
      if (positional == options.end())
        throw Error(ErrorCode::kBadInput, join("unexpected argument ", word), "see --help");
      settings.push_back({&*positional, word, positional->name});
      continue;
    }
    check(word[1] == '-', "unknown flag ", word, ": flags start with two dashes");
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    auto option = find(name);
    const bool negated = option == options.end() && name.rfind("no-", 0) == 0;
    if (negated) option = find(name.substr(3));
    const bool is_bool = option != options.end() && std::holds_alternative<bool*>(option->value);
    if ((option == options.end() && name != "config") || (negated && !is_bool))
      unknown("", "flag", name, names, "--");
    std::string value;
    if (equals != std::string::npos) {
      check(!negated, "--", name, ": want no value, got ", word.substr(equals + 1));
      value = word.substr(equals + 1);
    } else if (is_bool) {
      value = negated ? "false" : "true";
    } else {
      check(i + 1 < words.size(), "--", name, ": want a value after it, got nothing");
      value = words[++i];
    }
    if (name == "config")
      config = value;
    else
      settings.push_back({&*option, value, "--" + name});
  }
  if (!config.empty()) from_toml(options, read_file(config, 1 << 20), config);
  std::vector<const Option*> seen;
  for (const Setting& setting : settings) {
    const bool first = !std::count(seen.begin(), seen.end(), setting.option);
    set_from_word(*setting.option, setting.word, setting.where, first);
    seen.push_back(setting.option);
  }
  return true;
}

std::string help_of(const Option& option) {
  std::string choices;
  for (const std::string& choice : option.choices)
    if (!choice.empty()) choices += (choices.empty() ? ": " : ", ") + choice;
  const std::string help = option.help + choices, value = text_of(json_value(option.value));
  return value == "\"\"" || value == "[]" ? help : help + " (" + value + ")";
}

std::string help_text(const std::string& command, const std::string& summary,
                      const std::vector<Option>& options) {
  std::ostringstream out;
  out << "usage: " << command;
  for (const Option& option : options)
    if (option.positional) out << ' ' << option.name << "...";
  out << " [--flag value]...\n\n" << summary << "\n\n";
  std::size_t width = 18;
  for (const Option& option : options) width = std::max(width, option.name.size() + 4);
  const auto line = [&](const std::string& flag, const std::string& help) {
    out << "  " << std::left << std::setw(static_cast<int>(width)) << flag << help << '\n';
  };
  for (const Option& option : options)
    line(option.positional ? option.name : "--" + option.name, help_of(option));
  line("--config", "TOML file with any of these as keys (dashes become underscores); flags win");
  line("--help", "this text");
  return out.str();
}

std::string help_markdown(const std::string& command, const std::string& summary,
                          const std::vector<Option>& options) {
  std::ostringstream out;
  out << "## " << command << "\n"
      << summary << "\n\n| option | default | meaning |\n| --- | --- | --- |\n";
  for (const Option& option : options) {
    std::string help = option.help;
    for (std::size_t i = 0; i < option.choices.size(); ++i)
      help += (i == 0 ? ": `" : ", `") + option.choices[i] + "`";
    for (std::size_t at = 0; (at = help.find('|', at)) != std::string::npos; at += 2)
      help.insert(at, 1, '\\');
    const std::string value = text_of(json_value(option.value));
    out << "| `" << (option.positional ? option.name : "--" + option.name) << "` | "
        << (value == "\"\"" || value == "[]" ? "" : "`" + value + "`") << " | " << help << " |\n";
  }
  return out.str() + "\n";
}

std::string to_toml(const std::vector<Option>& options) {
  std::ostringstream out;
  for (const Option& option : options) {
    std::string value = text_of(json_value(option.value));
    // The one character that JSON strings may have as it is and TOML's may not.
    for (std::size_t at = 0; (at = value.find('\x7f', at)) != std::string::npos;)
      value.replace(at, 1, "\\u007f");
    out << key_of(option) << " = " << value << '\n';
  }
  return out.str();
}

std::string to_json(const std::vector<Option>& options) {
  Json object = Json::object();
  for (const Option& option : options) object[key_of(option)] = json_value(option.value);
  return object.dump(2, ' ', false, Json::error_handler_t::replace);
}

void from_toml(const std::vector<Option>& options, const std::string& text,
               const std::string& source) {
  toml::table table;
  try {
    table = toml::parse(text, source);
  } catch (const toml::parse_error& e) {
    throw Error(ErrorCode::kBadInput,
                join(source, ":", e.source().begin.line, ": not TOML: ", e.description()));
  }
  Json object = Json::object();
  for (const auto& [key, node] : table)
    object[std::string(key.str())] = json_of(node, source + ": " + std::string(key.str()));
  set_from_object(options, object, source);
}

void from_json(const std::vector<Option>& options, const std::string& text,
               const std::string& source) {
  Json object;
  try {
    object = Json::parse(text);
  } catch (const Json::exception& e) {
    throw Error(ErrorCode::kBadInput, join(source, ": not JSON: ", e.what()));
  }
  check(object.is_object(), source, ": want a JSON object, got ", object.type_name());
  set_from_object(options, object, source);
}

}  // namespace shoplens
