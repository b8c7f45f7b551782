// SPDX-License-Identifier: Apache-2.0
// Precompiled for every folder that includes Torch: what nearly each of its files needs.
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>
