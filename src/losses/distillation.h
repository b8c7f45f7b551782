// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <torch/types.h>

namespace shoplens {

/// How far a student's embeddings are from its teacher's: the mean of 1 - cosine over the rows that
/// the teacher has. x [N, D] of any length, target [N, D], rows of length 1 or, where the teacher
/// has none, 0 -> []. Source: Budnik and Avrithis 2021, "Asymmetric metric learning for knowledge
/// transfer", arXiv:2006.16331, section 3.3 (regression).
torch::Tensor distillation_loss(const torch::Tensor& x, const torch::Tensor& target);

}  // namespace shoplens
