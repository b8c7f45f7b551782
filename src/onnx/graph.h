// SPDX-License-Identifier: Apache-2.0
// Writes an ONNX model, opset 17. Layers (src/nn) call one function an operator; what can be folded
// is folded as it is written, so the file holds no batch norm.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "onnx/network.h"

namespace shoplens {

class Graph;

/// A tensor of the network being written: a name in a graph. The counterpart of torch::Tensor in a
/// layer's forward.
struct Value {
  Graph* graph = nullptr;
  std::string name;
};

struct ConvAttributes {
  int stride = 1, padding = 0, dilation = 1, groups = 1;
  bool same = false;  // TensorFlow SAME: auto_pad SAME_UPPER; `padding` is not read
};

/// The network, in the order of the calls. Values point to it: it must stay where it is while they
/// live. Throws kBadInput for constants that do not fit together, kInternal for a value that is not
/// (or no more) there.
class Graph {
 public:
  Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// The network's input: float, dims with -1 for the batch dimension.
  Value input(const std::string& name, const std::vector<std::int64_t>& dims);

  /// x [N, C, H, W], weight [O, C / groups, kh, kw], bias [O] or empty data -> [N, O, H', W'].
  Value conv(const Value& x, Constant weight, Constant bias, const ConvAttributes& attributes);
  /// x [..., I], weight [O, I], bias [O] or empty -> x weight^T + bias [..., O].
  Value linear(const Value& x, Constant weight, Constant bias);
  /// y = x * scale + shift over channel 1. Folded into the conv or linear that makes x when nothing
  /// else has read x so far; x itself is gone then, and reading it again throws.
  Value affine(const Value& x, const std::vector<float>& scale, const std::vector<float>& shift);

  Value unary(const std::string& op, const Value& x);  // Relu, Sigmoid, Erf, Sqrt, ...
  Value binary(const std::string& op, const Value& a, const Value& b);  // Add, Mul, Div, ...
  Value binary(const std::string& op, const Value& a, Constant b);
  Value clip(const Value& x, float low, float high);  // +-infinity leaves that side out
  Value average_pool(const Value& x, int kernel, int stride, bool same,
                     bool ceil_mode);  // the padding is not counted
  Value max_pool(const Value& x, int kernel, int stride, int padding);
  Value global_average_pool(const Value& x);  // [N, C, H, W] -> [N, C, 1, 1]
  Value flatten(const Value& x);              // [N, C, ...] -> [N, C * ...]
  Value l2_normalize(
      const Value& x);  // [N, D], each row over max(its length, 1e-12) as torch's normalize
  Value prelu(const Value& x, Constant slope);                                 // slope [C] or [1]
  Value layer_norm(const Value& x, Constant scale, Constant bias, float eps);  // x [..., C]
  Value softmax(const Value& x);                                               // of the last dim
  Value transpose(const Value& x, const std::vector<std::int64_t>& order);
  Value reshape(const Value& x, std::vector<std::int64_t> dims);  // 0: as it was, -1: the rest
  Value slice(const Value& x, int axis, std::int64_t begin, std::int64_t end);
  Value pad_front(const Value& x, int axis, std::int64_t count);  // zeros before the first

  /// The dims that input() was given for x; throws for another value.
  const std::vector<std::int64_t>& input_dims(const Value& x) const;

  /// Calls x `name` in the file. One value is one output.
  void output(const std::string& name, const Value& x, const std::vector<std::int64_t>& dims);

  /// What was built; the same calls give the same network.
  const Network& network() const { return network_; }
  /// shoplens::serialize() of it.
  std::string serialize(ModelInfo& info) const { return shoplens::serialize(network_, info); }

 private:
  using Attribute = Network::Attribute;
  using Node = Network::Node;
  struct Use {  // what is known of a value
    int rank = 0;
    int readers = 0;
    std::optional<std::size_t> node;  // that makes it; none for the input
  };
  static Attribute int_of(std::string name, std::int64_t value);
  static Attribute ints_of(std::string name, std::vector<std::int64_t> values);
  static Attribute float_of(std::string name, float value);
  static Attribute text_of(std::string name, std::string value);

  Use& use(const std::string& name);
  std::string new_name(const std::string& op);
  Value add(const std::string& op, int rank, const std::vector<Value>& values,
            std::vector<std::string> constants = {}, std::vector<Attribute> attributes = {});
  std::string constant(Constant value);
  std::string integers(std::vector<std::int64_t> values);  // [size]
  Value scale_rows(const Value& x, const std::vector<float>& scale,
                   const std::vector<float>& shift);

  Network network_;
  std::map<std::string, Use> values_;
  int names_ = 0;  // given out so far
};

}  // namespace shoplens
