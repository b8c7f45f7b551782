// SPDX-License-Identifier: Apache-2.0
#include "core/man_page.h"

#include <sstream>

namespace shoplens {
namespace {

const char* value_name(const Option& option) {
  if (std::holds_alternative<double*>(option.value)) return "NUMBER";
  if (std::holds_alternative<int*>(option.value) ||
      std::holds_alternative<std::int64_t*>(option.value))
    return "N";
  return option.choices.empty() ? "TEXT" : "WORD";
}

}  // namespace

std::string roff_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n'))
      out += std::string("\\&") + c;
    else
      out += c;
  }
  return out;
}

std::string help_man(const std::string& command, const std::string& summary,
                     const std::vector<Option>& options) {
  std::ostringstream out;
  out << ".SS " << roff_text(command) << '\n' << roff_text(summary) << ".\n";
  for (const Option& option : options) {
    out << ".TP\n";
    if (option.positional)
      out << "\\fI" << roff_text(option.name) << "\\fR...";
    else
      out << "\\fB\\-\\-" << roff_text(option.name) << "\\fR";
    if (!option.positional && !std::holds_alternative<bool*>(option.value))
      out << " \\fI" << value_name(option) << "\\fR";
    out << '\n' << roff_text(help_of(option)) << '\n';
  }
  return out.str();
}

}  // namespace shoplens
