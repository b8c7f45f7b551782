// SPDX-License-Identifier: Apache-2.0
#include "serve/proxies.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace shoplens {
namespace {

TEST(Proxies, AreAddressesAndNetworks) {
  const Proxies proxies({"192.0.2.7", "10.1.0.0/20", "::1", "2001:db8::/33", "172.16.0.0/0"});
  const Proxies some({"192.0.2.7", "10.1.0.0/20", "::1", "2001:db8::/33"});
  for (const char* in : {"192.0.2.7", "10.1.0.0", "10.1.15.255", "::1", "2001:db8:7fff::1"})
    EXPECT_TRUE(some.contains(in)) << in;
  for (const char* out : {"192.0.2.8", "10.1.16.0", "::2", "2001:db8:8000::1", "", "localhost"})
    EXPECT_FALSE(some.contains(out)) << out;
  EXPECT_TRUE(proxies.contains("198.51.100.1"));  // all of IPv4
  EXPECT_FALSE(proxies.contains("2001:db8:8000::1"));
  EXPECT_FALSE(Proxies({}).contains("127.0.0.1"));
}

TEST(Proxies, RefuseWhatIsNoAddress) {
  for (const char* wrong : {"", "proxy.example", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x",
                            "10.0.0.0/-1", "::/129", "10.0.0/8"})
    EXPECT_THROW(Proxies({wrong}), Error) << wrong;
}

TEST(Proxies, NameTheClient) {
  const Proxies proxies({"127.0.0.1", "10.0.0.0/8"});
  EXPECT_EQ(proxies.client_of("127.0.0.1", "203.0.113.9"), "203.0.113.9");
  EXPECT_EQ(proxies.client_of("127.0.0.1", "203.0.113.9, 10.0.0.2"), "203.0.113.9");
  EXPECT_EQ(proxies.client_of("127.0.0.1", "2001:db8::5"), "2001:db8::5");
  EXPECT_EQ(proxies.client_of("127.0.0.1", "203.0.113.9:4711,[2001:db8::5]:80"), "2001:db8::5");
  EXPECT_EQ(proxies.client_of("127.0.0.1", "203.0.113.9:4711"), "203.0.113.9");
}

TEST(Proxies, AnAddressOfIpv6IsOneOfManyOfItsOwner) {
  EXPECT_EQ(owner_of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(owner_of("2001:db8:1:2::9"), owner_of("2001:db8:1:2:ffff::"));
  EXPECT_NE(owner_of("2001:db8:1:2::9"), owner_of("2001:db8:1:3::9"));
  EXPECT_EQ(owner_of("fe80::1%eth0"), "fe80::/64");
  for (const char* other : {"203.0.113.9", "::ffff:203.0.113.9", "::1", "till"})
    EXPECT_EQ(owner_of(other), other);
}

TEST(Proxies, BelieveNobodyElse) {
  const Proxies proxies({"127.0.0.1", "10.0.0.0/8"});
  EXPECT_EQ(proxies.client_of("198.51.100.1", "203.0.113.9"), "198.51.100.1");
  EXPECT_EQ(proxies.client_of("127.0.0.1", "192.0.2.1, 203.0.113.9, 10.0.0.2"), "203.0.113.9");
  EXPECT_EQ(proxies.client_of("127.0.0.1", ""), "127.0.0.1");
  EXPECT_EQ(proxies.client_of("127.0.0.1", "unknown"), "127.0.0.1");
  EXPECT_EQ(proxies.client_of("127.0.0.1", "203.0.113.9, <script>"), "127.0.0.1");
  EXPECT_EQ(proxies.client_of("127.0.0.1", "10.0.0.3,"), "127.0.0.1");
  EXPECT_EQ(proxies.client_of("127.0.0.1", "10.0.0.3"), "10.0.0.3");
  EXPECT_EQ(Proxies({}).client_of("127.0.0.1", "203.0.113.9"), "127.0.0.1");
}

}  // namespace
}  // namespace shoplens
