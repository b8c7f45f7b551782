// SPDX-License-Identifier: Apache-2.0
// What a shell may offer when Tab is pressed, from the options' own list.
#pragma once
#include <string>
#include <vector>

#include "core/options.h"

namespace shoplens {

struct Completions {
  struct Candidate {
    std::string word, help;
  };
  std::vector<Candidate> words{};
  bool files = false;  // a file's name fits too
};

/// What may stand in place of the last of `words`, which is begun and perhaps empty; the others are
/// what stands before it, after the verb. Candidates begin with what is begun.
Completions complete_options(std::vector<Option> options, const std::vector<std::string>& words);

/// A line a candidate, "word<TAB>help", and a last line ":files" when files fit: what the scripts
/// in packaging/completions read.
std::string to_lines(const Completions& completions);

}  // namespace shoplens
