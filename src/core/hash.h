// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>

namespace shoplens {

/// SHA-256 (FIPS 180-4) of bytes given in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(std::string_view bytes);
  std::string hex();  // 64 lower-case digits; ends the hash

 private:
  void* context_;
};

std::string sha256_hex(std::string_view bytes);

/// XXH3 of 64 bits (xxHash) of the bytes, seeded with that of the key: tells damage, ten times as
/// fast as SHA-256, but not what was changed on purpose.
std::string checksum_hex(std::string_view bytes, std::string_view key);  // 16 lower-case digits

}  // namespace shoplens
