// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "core/options.h"

namespace shoplens {

/// `text` as roff prints it: no character of it is a command.
std::string roff_text(const std::string& text);

/// A command's part of a man page (man 7): its name, what it does, a paragraph an option.
std::string help_man(const std::string& command, const std::string& summary,
                     const std::vector<Option>& options);

}  // namespace shoplens
