// SPDX-License-Identifier: Apache-2.0
#include "core/hash.h"

#include <openssl/evp.h>
#include <xxhash.h>

#include <new>
#include <span>

namespace shoplens {
namespace {

std::string hex_of(std::span<const unsigned char> bytes) {
  static const char* const kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) text += {kDigits[byte >> 4], kDigits[byte & 15]};
  return text;
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (!context_) throw std::bad_alloc();
  EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(context_), EVP_sha256(), nullptr);
}

Sha256::~Sha256() { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_)); }

void Sha256::update(std::string_view bytes) {
  EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), bytes.data(), bytes.size());
}

std::string Sha256::hex() {
  unsigned char digest[32];
  EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_), digest, nullptr);
  return hex_of(digest);
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}

std::string checksum_hex(std::string_view bytes, std::string_view key) {
  const XXH64_hash_t seed = XXH3_64bits(key.data(), key.size());
  XXH64_canonical_t digest;
  XXH64_canonicalFromHash(&digest, XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed));
  return hex_of(digest.digest);
}

}  // namespace shoplens
