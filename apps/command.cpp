// SPDX-License-Identifier: Apache-2.0
#include "apps/command.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iomanip>

#include "apps/self_description.h"
#include "core/error.h"

namespace shoplens {
namespace {

void print_overview(const std::vector<Command>& commands) {
  std::cout << "shoplens " SHOPLENS_VERSION
               ": names the product in a photo\n\n"
               "usage: shoplens VERB [--flag value]...\n\n";
  for (const Command& c : commands)
    std::cout << "  " << std::left << std::setw(16) << c.name << c.summary << '\n';
  std::cout << "\nshoplens VERB --help tells a verb's options.\n";
}

[[noreturn]] void unknown_verb(const std::vector<Command>& commands, const Words& words) {
  std::vector<std::string> names;
  std::string second_words;
  for (const Command& c : commands) {
    names.push_back(c.name);
    if (c.name.rfind(words[0] + " ", 0) == 0)
      second_words += (second_words.empty() ? "" : ", ") + c.name.substr(words[0].size() + 1);
  }
  if (!second_words.empty())
    throw Error(ErrorCode::kBadInput,
                "shoplens " + words[0] + ": want one of " + second_words + " after it");
  const std::string near = nearest_name(words[0], names);
  throw Error(ErrorCode::kBadInput, "unknown verb " + words[0],
              near.empty() ? "shoplens --help lists the verbs" : "did you mean " + near + "?");
}

int run_words(const std::vector<Command>& commands, const Words& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print_overview(commands);
    return words.empty() ? 2 : 0;
  }
  if (words[0] == "--version") {
    std::cout << "shoplens " SHOPLENS_VERSION "\n";
    return 0;
  }
  if (words[0] == "--help-markdown") {  // what docs/options.md is made of
    for (const Command& c : commands)
      if (c.describe) std::cout << c.describe(help_markdown);
    return 0;
  }
  if (words[0] == "--help-man") {
    std::cout << man_page(commands);
    return 0;
  }
  if (words[0] == "--complete") {
    std::cout << complete(commands, {words.begin() + 1, words.end()});
    return 0;
  }
  const Command* found = find_command(commands, words);
  if (!found) unknown_verb(commands, words);
  return found->run({words.begin() + word_count(found->name), words.end()});
}

}  // namespace

void hand_over(const std::string& program, const Words& words) {
  const auto path = std::filesystem::read_symlink("/proc/self/exe").parent_path() / program;
  std::vector<char*> arguments{const_cast<char*>(program.c_str())};
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execv(path.c_str(), arguments.data());
  throw Error(ErrorCode::kNotFound, join("cannot run ", path.string(), ": ", std::strerror(errno)),
              join("`shoplens ", words[0], "` needs ", program,
                   " beside it; build with -DSHOPLENS_TRAIN=ON, or install the training program"));
}

Command handed_over(std::string name, std::string summary, const std::string& program) {
  const auto run = [=](Words words) -> int {
    words.insert(words.begin(), name);
    hand_over(program, words);
  };
  return {std::move(name), std::move(summary), run, {}, program};
}

const Command* find_command(const std::vector<Command>& commands, const Words& words) {
  const Command* found = nullptr;
  for (const Command& c : commands) {
    const std::string two = words.size() > 1 ? words[0] + " " + words[1] : "";
    if (c.name == two) return &c;
    if (c.name == words[0]) found = &c;
  }
  return found;
}

int run_program(const std::vector<Command>& commands, int argc, char** argv) {
  try {
    const int status = run_words(commands, {argv + 1, argv + argc});
    if (!std::cout.flush())
      throw Error(ErrorCode::kIo, "cannot write the results to standard output",
                  "is the disk full, or the reader of the pipe gone?");
    return status;
  } catch (const Error& e) {
    std::cerr << "error: " << e.what() << '\n';
    if (!e.hint.empty()) std::cerr << "hint: " << e.hint << '\n';
    return e.code == ErrorCode::kInternal ? 1 : 2;
  } catch (const std::exception& e) {
    // Torch appends a C++ backtrace to its messages; the first line is the message.
    const std::string what = e.what();
    std::cerr << "internal error: " << what.substr(0, what.find("\nException raised from")) << '\n';
    return 1;
  }
}

}  // namespace shoplens
