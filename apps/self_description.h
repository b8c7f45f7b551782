// SPDX-License-Identifier: Apache-2.0
// What a program says of all its verbs to man and to shells.
#pragma once
#include <string>
#include <vector>

#include "apps/command.h"

namespace shoplens {

/// The program's man page (`man 7 man`): a section a verb.
std::string man_page(const std::vector<Command>& commands);

/// What may stand in place of the last of `words`, which is begun: to_lines of verbs, flags or
/// their values. Of a verb that another program does, that program says it.
std::string complete(const std::vector<Command>& commands, const Words& words);

/// Of a command's name: 2 for "index add".
std::ptrdiff_t word_count(const std::string& name);

}  // namespace shoplens
