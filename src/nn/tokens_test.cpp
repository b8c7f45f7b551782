// SPDX-License-Identifier: Apache-2.0
#include "nn/tokens.h"

#include <gtest/gtest.h>

#include <cmath>

namespace shoplens {
namespace {

TEST(Tokens, OfAMapRunAlongItsRows) {
  const auto map = torch::arange(2 * 3 * 2 * 4).view({2, 3, 2, 4});
  const auto tokens = tokens_of(map);
  EXPECT_EQ(tokens.sizes(), (std::vector<std::int64_t>{2, 8, 3}));
  EXPECT_TRUE(torch::equal(tokens[1][5], map.index({1, at::indexing::Slice(), 1, 1})));
}

TEST(Tokens, AreTheClassTokenAndAMapOfTheOthers) {
  const auto x = torch::randn({2, 5, 3});
  EXPECT_TRUE(torch::equal(first_token(x)[1], x[1][0]));
  const auto map = other_tokens(x);
  EXPECT_EQ(map.sizes(), (std::vector<std::int64_t>{2, 3, 4, 1}));
  EXPECT_TRUE(torch::equal(map[1].select(1, 2).flatten(), x[1][3]));
}

TEST(Tokens, StartWithTheOnePrepended) {
  const auto x = torch::randn({2, 4, 3}), first = torch::randn({1, 1, 3}),
             terms = torch::randn({1, 5, 3});
  const auto y = prepend_and_add(x, first, terms);
  EXPECT_TRUE(torch::allclose(y[1][0], first[0][0] + terms[0][0]));
  EXPECT_TRUE(torch::allclose(y[1][4], x[1][3] + terms[0][4]));
}

TEST(Attention, IsTheDefinition) {
  torch::manual_seed(1);
  constexpr int kChannels = 6, kHeads = 3;
  const auto qkv = torch::randn({2, 4, 3 * kChannels}, torch::kDouble);
  const auto y = attention(qkv, kChannels, kHeads);
  const auto parts = qkv.split(kChannels, 2);
  for (int n = 0; n < 2; ++n)
    for (int h = 0; h < kHeads; ++h) {
      const auto head = [&](int which) { return parts[which][n].slice(1, 2 * h, 2 * h + 2); };
      const auto weights = (head(0).mm(head(1).t()) / std::sqrt(2.0)).softmax(1);  // [T, T]
      EXPECT_TRUE(torch::allclose(y[n].slice(1, 2 * h, 2 * h + 2), weights.mm(head(2))));
    }
}

}  // namespace
}  // namespace shoplens
