// SPDX-License-Identifier: Apache-2.0
#include "nn/tokens.h"

#include <cmath>

#include "nn/activation.h"
#include "nn/conv2d.h"

namespace shoplens {

torch::Tensor tokens_of(const torch::Tensor& map) { return map.flatten(2).transpose(1, 2); }
Value tokens_of(const Value& map) {
  return map.graph->transpose(map.graph->reshape(map, {0, 0, -1}), {0, 2, 1});
}

torch::Tensor first_token(const torch::Tensor& x) { return x.select(1, 0); }
Value first_token(const Value& x) { return x.graph->flatten(x.graph->slice(x, 1, 0, 1)); }

torch::Tensor other_tokens(const torch::Tensor& x) {
  return x.slice(1, 1).transpose(1, 2).unsqueeze(3);
}
Value other_tokens(const Value& x) {
  Graph& graph = *x.graph;
  const Value channels_first = graph.transpose(graph.slice(x, 1, 1, INT64_MAX), {0, 2, 1});
  return graph.reshape(channels_first, {0, 0, -1, 1});
}

torch::Tensor prepend_and_add(const torch::Tensor& x, const torch::Tensor& first,
                              const torch::Tensor& terms) {
  return torch::cat({first.expand({x.size(0), -1, -1}), x}, 1) + terms;
}
Value prepend_and_add(const Value& x, const torch::Tensor& first, const torch::Tensor& terms) {
  torch::Tensor sum = terms.detach().clone();  // the first token is the same for every photo
  sum.slice(1, 0, 1) += first.detach();
  return x.graph->binary("Add", x.graph->pad_front(x, 1, 1), constant_of(sum));
}

torch::Tensor attention(const torch::Tensor& qkv, int channels, int heads) {
  const std::int64_t n = qkv.size(0), t = qkv.size(1);
  const torch::Tensor parts = qkv.view({n, t, 3, heads, channels / heads})
                                  .permute({2, 0, 3, 1, 4});  // [3, N, heads, T, -1]
  return torch::scaled_dot_product_attention(parts[0], parts[1], parts[2])
      .transpose(1, 2)
      .reshape({n, t, channels});
}
Value attention(const Value& qkv, int channels, int heads) {
  Graph& graph = *qkv.graph;
  const auto part = [&](int which, const std::vector<std::int64_t>& order) {
    const std::int64_t begin = std::int64_t{which} * channels;
    return graph.transpose(graph.reshape(graph.slice(qkv, 2, begin, begin + channels),
                                         {0, 0, heads, channels / heads}),
                           order);
  };
  const Value q = part(0, {0, 2, 1, 3}) * (1 / std::sqrt(static_cast<double>(channels) / heads));
  const Value k = part(1, {0, 2, 3, 1}), v = part(2, {0, 2, 1, 3});
  const Value mixed = graph.binary("MatMul", graph.softmax(graph.binary("MatMul", q, k)), v);
  return graph.reshape(graph.transpose(mixed, {0, 2, 1, 3}), {0, 0, channels});
}

}  // namespace shoplens
