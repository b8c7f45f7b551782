// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "core/options.h"

namespace shoplens {

using Words = std::vector<std::string>;

/// One verb of a program. A name may have two words: "index add".
struct Command {
  std::string name, summary;
  std::function<int(const Words& words)> run;  // the words after the name -> exit status
  std::function<std::string()>
      markdown;  // its section of docs/options.md; empty for a verb handed over
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
  const auto markdown = [=] {
    Options options;
    return help_markdown("shoplens " + name, summary, options_of(options));
  };
  return {name, summary, run, markdown};
}

/// A verb that the program `program`, found beside this one, does: run with exec, as git runs its
/// parts.
Command handed_over(std::string name, std::string summary, const std::string& program);

/// The body of main: finds the verb, runs it, and turns exceptions into messages and exit statuses
/// (0 done, 1 our bug or a failed run, 2 the user's mistake). The only place that catches all
/// exceptions.
int run_program(const std::vector<Command>& commands, int argc, char** argv);

}  // namespace shoplens
