// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "core/options.h"

namespace shoplens {

using Words = std::vector<std::string>;

/// Writes about a command's options: help_markdown, help_man, ...
using Describe = std::function<std::string(const std::string& command, const std::string& summary,
                                           const std::vector<Option>& options)>;

/// One verb of a program. A name may have two words: "index add".
struct Command {
  std::string name, summary;
  std::function<int(const Words& words)> run;  // the words after the name -> exit status
  std::function<std::string(const Describe& describe)> describe;  // describe() of its options
  std::string program{};  // beside this one, that does it; then `describe` is empty
};

/// A verb whose options are the struct that `body` takes.
template <class Options>
Command command(std::string name, std::string summary, int (*body)(const Options&)) {
  const auto run = [=](const Words& words) {
    Options options;
    if (parse_flags(options_of(options), words)) return body(options);
    std::cout << help_text("shoplens " + name, summary, options_of(options));
    return 0;
  };
  const auto describe = [=](const Describe& write) {
    Options options;
    return write("shoplens " + name, summary, options_of(options));
  };
  return {name, summary, run, describe};
}

/// A verb that the program `program`, found beside this one, does: run with exec, as git runs its
/// parts.
Command handed_over(std::string name, std::string summary, const std::string& program);

/// Becomes `program`, which is beside this one, with these words. Throws kNotFound when it is not
/// there.
[[noreturn]] void hand_over(const std::string& program, const Words& words);

/// The command whose name is the first one or two words; nullptr if there is none.
const Command* find_command(const std::vector<Command>& commands, const Words& words);

/// The body of main: finds the verb, runs it, and turns exceptions into messages and exit statuses
/// (0 done, 1 our bug or a failed run, 2 the user's mistake). The only place that catches all
/// exceptions.
int run_program(const std::vector<Command>& commands, int argc, char** argv);

}  // namespace shoplens
