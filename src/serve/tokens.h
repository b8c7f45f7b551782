// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace shoplens {

/// What a client may do; each may all that the one before it may.
enum class Role { kNone, kRead, kWrite, kAdmin };

const char* to_string(Role role);                // "none", "read", "write", "admin"
Role role_from_string(const std::string& word);  // throws kBadInput for any other word

/// A bearer token that is known, by the SHA-256 of it: the file that keeps these is no secret.
struct Token {
  std::string name;
  Role role = Role::kRead;
  std::string hash;  // 64 lower-case hexadecimal digits
};

/// The tokens of a file: lines "role hash name", # begins a comment. Throws kNotFound, kCorrupt
/// (naming file and line), or kBadInput when there is none, which nobody could use.
std::vector<Token> read_tokens(const std::filesystem::path& file);

/// A new secret of 192 random bits, "shl_" and 48 hexadecimal digits, whose hash is appended to the
/// file (made, readable by its owner only, when it is absent). Throws kBadInput for a name that is
/// there, is empty or has a line break.
std::string create_token(const std::filesystem::path& file, const std::string& name, Role role);

/// The one of `tokens` that `secret` is. Takes the same time whichever it is, and if it is none.
std::optional<Token> find_token(const std::vector<Token>& tokens, const std::string& secret);

}  // namespace shoplens
