// SPDX-License-Identifier: Apache-2.0
#include "serve/proxies.h"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <charconv>
#include <optional>

#include "core/error.h"
#include "serve/text.h"

namespace shoplens {
namespace {

namespace ip = boost::asio::ip;

using Bytes = std::array<unsigned char, 16>;

std::optional<Bytes> address_of(const std::string& text) {
  boost::system::error_code ec;
  const ip::address address = ip::make_address(text, ec);
  if (ec) return std::nullopt;
  return (address.is_v6() ? address.to_v6() : ip::make_address_v6(ip::v4_mapped, address.to_v4()))
      .to_bytes();
}

bool agree(const Bytes& a, const Bytes& b, int bits) {
  for (int bit = 0; bit < bits; ++bit) {
    const auto byte = static_cast<std::size_t>(bit / 8);
    if (((a[byte] ^ b[byte]) >> (7 - bit % 8)) & 1) return false;
  }
  return true;
}

// Some proxies write a port behind it: "10.0.0.7:443", "[::1]:443".
std::string without_port(std::string_view entry) {
  if (entry.starts_with('[')) return std::string(entry.substr(1, entry.find(']') - 1));
  const std::size_t colon = entry.find(':');
  const bool v6 = colon != std::string_view::npos && entry.find(':', colon + 1) != entry.npos;
  return std::string(v6 ? entry : entry.substr(0, colon));
}

}  // namespace

Proxies::Proxies(const std::vector<std::string>& networks) {
  for (const std::string& text : networks) {
    const std::size_t slash = text.find('/');
    const auto first = address_of(text.substr(0, slash));
    const bool v4 = text.find(':') == std::string::npos;
    int bits = v4 ? 32 : 128;
    bool sound = first.has_value();
    if (slash != std::string::npos) {
      const int most = bits;
      const char* const end = text.data() + text.size();
      const auto [read, error] = std::from_chars(text.data() + slash + 1, end, bits);
      sound = sound && error == std::errc{} && read == end && bits >= 0 && bits <= most;
    }
    check(sound, "proxies: want an IP address, or a network as 10.0.0.0/8, got ", text);
    networks_.push_back({*first, bits + (v4 ? 96 : 0)});
  }
}

bool Proxies::contains(const std::string& address) const {
  const auto asked = address_of(address);
  if (!asked) return false;
  for (const Network& network : networks_)
    if (agree(*asked, network.first, network.bits)) return true;
  return false;
}

std::string Proxies::client_of(const std::string& peer, std::string_view forwarded_for) const {
  std::string client = peer;
  while (!forwarded_for.empty() && contains(client)) {
    const std::size_t comma = forwarded_for.rfind(',');
    const std::string before = without_port(
        trimmed(forwarded_for.substr(comma == std::string_view::npos ? 0 : comma + 1)));
    if (!address_of(before)) break;
    client = before;
    forwarded_for = forwarded_for.substr(0, comma == std::string_view::npos ? 0 : comma);
  }
  return client;
}

std::string owner_of(const std::string& address) {
  boost::system::error_code ec;
  const ip::address_v6 v6 = ip::make_address_v6(address, ec);
  if (ec || v6.is_v4_mapped() || v6.is_loopback()) return address;
  return ip::make_network_v6(ip::address_v6(v6.to_bytes()), 64).canonical().to_string();
}

}  // namespace shoplens
