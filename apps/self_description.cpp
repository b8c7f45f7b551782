// SPDX-License-Identifier: Apache-2.0
#include "apps/self_description.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

#include "core/complete.h"
#include "core/man_page.h"

namespace shoplens {
namespace {

// The verbs' first words, or second ones, that begin so.
Completions complete_verb(const std::vector<Command>& commands, const Words& words) {
  Completions found;
  std::set<std::string> seen;
  for (const Command& c : commands) {
    const std::size_t space = c.name.find(' ');
    std::string word = c.name.substr(0, space), help = c.summary;
    if (words.size() == 2) {
      if (space == std::string::npos || word != words[0]) continue;
      word = c.name.substr(space + 1);
    } else if (space != std::string::npos) {
      help = "its verbs follow";
    }
    if (word.starts_with(words.back()) && seen.insert(word).second)
      found.words.push_back({word, help});
  }
  if (words.size() == 1)
    for (const auto& [flag, help] : {std::pair{"--help", "list the verbs"}, {"--version", ""}})
      if (std::string(flag).starts_with(words[0]) && !words[0].empty())
        found.words.push_back({flag, help});
  return found;
}

}  // namespace

std::ptrdiff_t word_count(const std::string& name) {
  return 1 + std::count(name.begin(), name.end(), ' ');
}

std::string man_page(const std::vector<Command>& commands) {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").filename();
  const bool all = program == "shoplens";  // the other one does what this one hands over
  std::ostringstream out;
  out << ".TH " << roff_text(program)
      << " 1 \"\" \"shoplens " SHOPLENS_VERSION "\" \"User Commands\"\n"
      << ".SH NAME\n"
      << roff_text(program) << " \\- "
      << (all ? "names the product in a photo" : "trains the networks of shoplens")
      << "\n.SH SYNOPSIS\n.B shoplens\n.I VERB\n[\\fB\\-\\-flag\\fR \\fIvalue\\fR]...\n"
      << ".SH DESCRIPTION\n"
      << "A shop gives a few photos of each of its products; a customer's photo gets the "
         "product's\n"
         "name and the catalogue photos it most looks like. A flag that is on or off is turned "
         "off\n"
         "by \\fB\\-\\-no\\-flag\\fR. Every verb also takes \\fB\\-\\-config\\fR \\fIFILE\\fR, a "
         "TOML file "
         "with any\nof its flags as keys (dashes become underscores; flags win), and "
         "\\fB\\-\\-help\\fR.\n"
         "Defaults are in parentheses.\n.SH VERBS\n";
  for (const Command& c : commands) {
    if (c.describe)
      out << c.describe(help_man);
    else
      out << ".SS shoplens " << c.name << '\n'
          << roff_text(c.summary) << ": see\n.BR " << roff_text(c.program) << " (1).\n";
  }
  out << ".SH EXIT STATUS\n0: done; 1: a failed run or our own bug; 2: the user's mistake; 130: "
         "interrupted.\n.SH SEE ALSO\n.BR "
      << (all ? "shoplens\\-train" : "shoplens") << " (1)\n";
  return out.str();
}

std::string complete(const std::vector<Command>& commands, const Words& words) {
  if (words.empty()) return "";
  const Words before(words.begin(), words.end() - 1);
  const Command* const found = before.empty() ? nullptr : find_command(commands, before);
  if (!found) return words.size() > 2 ? "" : to_lines(complete_verb(commands, words));
  if (!found->program.empty()) {
    Words handed{"--complete"};
    handed.insert(handed.end(), words.begin(), words.end());
    hand_over(found->program, handed);
  }
  const Words rest(words.begin() + word_count(found->name), words.end());
  return found->describe([&](const auto&, const auto&, const std::vector<Option>& options) {
    return to_lines(complete_options(options, rest));
  });
}

}  // namespace shoplens
