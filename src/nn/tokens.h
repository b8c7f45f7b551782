// SPDX-License-Identifier: Apache-2.0
// What a transformer does with a sequence of tokens x [N, T, C]. Each for tensors and for a graph.
#pragma once
#include <torch/types.h>

#include "onnx/graph.h"

namespace shoplens {

/// A feature map [N, C, H, W] as tokens [N, H * W, C].
torch::Tensor tokens_of(const torch::Tensor& map);
Value tokens_of(const Value& map);

/// The first token, the class token: [N, T, C] -> [N, C].
torch::Tensor first_token(const torch::Tensor& x);
Value first_token(const Value& x);

/// The others as a map for pooling: [N, T, C] -> [N, C, T - 1, 1].
torch::Tensor other_tokens(const torch::Tensor& x);
Value other_tokens(const Value& x);

/// x [N, T, C] with first [1, 1, C] before its tokens, plus terms [1, T + 1, C].
torch::Tensor prepend_and_add(const torch::Tensor& x, const torch::Tensor& first,
                              const torch::Tensor& terms);
Value prepend_and_add(const Value& x, const torch::Tensor& first, const torch::Tensor& terms);

/// Multi-head attention of qkv [N, T, 3 C], queries, keys and values one after the other, each of
/// `heads` heads -> [N, T, C]: softmax(q k^T / sqrt(C / heads)) v. Source: Vaswani et al. 2017,
/// arXiv:1706.03762, eq. 1.
torch::Tensor attention(const torch::Tensor& qkv, int channels, int heads);
Value attention(const Value& qkv, int channels, int heads);

}  // namespace shoplens
