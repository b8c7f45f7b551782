// SPDX-License-Identifier: Apache-2.0
#include "serve/tokens.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <algorithm>
#include <sstream>

#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "serve/text.h"

namespace shoplens {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMaxFile = 1 << 20;

bool is_hash(const std::string& text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return hex_value(c) >= 0 && (c < 'A' || c > 'F');
         });
}

std::string random_hex(std::size_t bytes) {
  std::vector<unsigned char> noise(bytes);
  if (RAND_bytes(noise.data(), static_cast<int>(bytes)) != 1)
    throw Error(ErrorCode::kInternal, "token: want random bytes, the system gives none");
  std::string text;
  for (const unsigned char byte : noise) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

// Of a file that may have none.
std::vector<Token> parse_tokens(const fs::path& file) {
  std::istringstream lines(read_file(file, kMaxFile));
  std::vector<Token> tokens;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string role;
    Token token;
    words >> role >> token.hash >> std::ws;
    std::getline(words, token.name);
    if (!is_hash(token.hash) || token.name.empty())
      throw Error(ErrorCode::kCorrupt,
                  join("tokens: want a role, a SHA-256 and a name on line ", number, " (",
                       file.string(), ")"),
                  "`shoplens token` writes such lines");
    token.role = role_from_string(role);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace

const char* to_string(Role role) {
  switch (role) {
    case Role::kNone:
      return "none";
    case Role::kRead:
      return "read";
    case Role::kWrite:
      return "write";
    case Role::kAdmin:
      return "admin";
  }
  return "";
}

Role role_from_string(const std::string& word) {
  for (const Role role : {Role::kRead, Role::kWrite, Role::kAdmin})
    if (word == to_string(role)) return role;
  throw Error(ErrorCode::kBadInput, join("role: want read, write or admin, got \"", word, "\""));
}

std::vector<Token> read_tokens(const fs::path& file) {
  auto tokens = parse_tokens(file);
  if (tokens.empty())
    throw Error(ErrorCode::kBadInput,
                join("tokens: want at least one, the file has none (", file.string(), ")"),
                "make one with `shoplens token --tokens FILE --name NAME`");
  return tokens;
}

std::string create_token(const fs::path& file, const std::string& name, Role role) {
  check(!name.empty() && is_plain_utf8(name), "token: want a name without line breaks, got \"",
        name, "\"");
  std::string text;
  if (is_there(file)) {
    for (const Token& token : parse_tokens(file))
      check(token.name != name, "token: want a new name, ", name, " is there (", file.string(),
            ")");
    text = read_file(file, kMaxFile);
  } else {
    text = "# Tokens of `shoplens serve`: role, SHA-256 of the secret, name.\n";
  }
  const std::string secret = "shl_" + random_hex(24);
  write_file(file, join(text, to_string(role), ' ', sha256_hex(secret), ' ', name, '\n'));
  ::chmod(file.c_str(), S_IRUSR | S_IWUSR);
  return secret;
}

std::optional<Token> find_token(const std::vector<Token>& tokens, const std::string& secret) {
  const std::string hash = sha256_hex(secret);
  std::optional<Token> found;
  for (const Token& token : tokens)
    if (CRYPTO_memcmp(token.hash.data(), hash.data(), hash.size()) == 0) found = token;
  return found;
}

}  // namespace shoplens
