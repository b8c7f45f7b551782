// SPDX-License-Identifier: Apache-2.0
// A pickle read as data: nothing is ever called or imported. What torch.save writes for
// dictionaries of tensors, numbers and strings is understood; any other class or function is
// refused by name.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "pth/bytes.h"

namespace shoplens {

/// A pickled value; others are named by their place in Pickle::nodes, so that cycles do no harm.
struct PickleNode {
  enum class Kind {
    kNone,
    kBool,
    kInt,
    kFloat,
    kString,
    kSequence,
    kDict,
    kGlobal,
    kStorage,
    kTensor,
    kPlain  // an object of a class that holds plain values; what it holds is not kept
  };
  Kind kind = Kind::kNone;
  std::int64_t integer = 0;          // kBool, kInt; kStorage: elements; kTensor: offset in elements
  double number = 0;                 // kFloat
  std::string text{};                // kString; kGlobal: "module name"; kStorage: its key
  std::string type{};                // kStorage: "FloatStorage", ...
  std::vector<std::size_t> items{};  // kSequence
  std::vector<std::pair<std::size_t, std::size_t>> fields{};  // kDict
  std::vector<std::int64_t> shape{}, strides{};               // kTensor
  std::size_t storage = 0;                                    // kTensor
};

struct Pickle {
  std::deque<PickleNode> nodes;
  std::size_t root = 0;
};

/// Reads one pickle, protocols 2 to 5, and leaves `in` after it. Throws kCorrupt for damage and
/// kUnsupported that names the class or function for anything but tensors, numbers, strings,
/// containers, and what training scripts keep beside weights: argparse.Namespace, NumPy's scalars.
Pickle read_pickle(ByteReader& in);

}  // namespace shoplens
