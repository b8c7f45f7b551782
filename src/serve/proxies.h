// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace shoplens {

/// Proxies in front of this server that are believed when they say whom a request is from.
class Proxies {
 public:
  /// Of addresses ("10.0.0.7", "::1") and networks ("10.0.0.0/8"). Throws kBadInput for others.
  explicit Proxies(const std::vector<std::string>& networks);

  bool contains(const std::string& address) const;

  /// The client of a request that came from `peer`: as long as that is one of these proxies, the
  /// one before it in X-Forwarded-For, whose entries (RFC 7239, section 5.2, has their history) are
  /// written from the client on; what stands before one that is not believed anyone may have made
  /// up.
  std::string client_of(const std::string& peer, std::string_view forwarded_for) const;

 private:
  struct Network {
    std::array<unsigned char, 16> first;  // of IPv6; IPv4 as ::ffff:a.b.c.d
    int bits;                             // of it that count
  };
  std::vector<Network> networks_;
};

/// Whose an address is, as far as counting goes: of IPv6 its network of 64 bits, "2001:db8::/64",
/// as one customer has that many addresses; else itself.
std::string owner_of(const std::string& address);

}  // namespace shoplens
