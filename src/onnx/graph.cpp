// SPDX-License-Identifier: Apache-2.0
#include "onnx/graph.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "core/error.h"

namespace shoplens {
namespace {

std::string shape_text(const std::vector<std::int64_t>& dims) {
  std::string text = "[";
  for (const std::int64_t dim : dims) text += (text.size() > 1 ? ", " : "") + std::to_string(dim);
  return text + "]";
}

void check_bias(const char* where, const Constant& bias, std::int64_t rows) {
  check(bias.data.empty() || static_cast<std::int64_t>(bias.data.size()) == rows, where,
        ": want bias [", rows, "], got ", shape_text(bias.dims));
}

}  // namespace

Graph::Attribute Graph::int_of(std::string name, std::int64_t value) {
  return {std::move(name), Attribute::kInt, {value}, {}, 0};
}
Graph::Attribute Graph::ints_of(std::string name, std::vector<std::int64_t> values) {
  return {std::move(name), Attribute::kInts, std::move(values), {}, 0};
}
Graph::Attribute Graph::float_of(std::string name, float value) {
  return {std::move(name), Attribute::kFloat, {}, {}, value};
}
Graph::Attribute Graph::text_of(std::string name, std::string value) {
  return {std::move(name), Attribute::kString, {}, std::move(value), 0};
}

Graph::Use& Graph::use(const std::string& name) {
  const auto found = values_.find(name);
  if (found == values_.end())
    throw Error(ErrorCode::kInternal, join("onnx graph: want a value that is there, got ", name,
                                           ": of another graph, folded or renamed"));
  return found->second;
}

std::string Graph::new_name(const std::string& op) { return op + "_" + std::to_string(names_++); }

// The node's inputs are the values, then the constants (an empty name leaves an optional one out).
Value Graph::add(const std::string& op, int rank, const std::vector<Value>& values,
                 std::vector<std::string> constants, std::vector<Attribute> attributes) {
  Node node{op, {}, new_name(op), std::move(attributes)};
  for (const Value& value : values) {
    ++use(value.name).readers;
    node.inputs.push_back(value.name);
  }
  std::move(constants.begin(), constants.end(), std::back_inserter(node.inputs));
  values_[node.output] = {rank, 0, network_.nodes.size()};
  network_.nodes.push_back(std::move(node));
  return {this, network_.nodes.back().output};
}

std::string Graph::constant(Constant value) {
  const std::int64_t want =
      std::accumulate(value.dims.begin(), value.dims.end(), std::int64_t{1}, std::multiplies<>());
  check(want == static_cast<std::int64_t>(value.data.size()), "onnx graph: want ", want,
        " numbers for ", shape_text(value.dims), ", got ", value.data.size());
  std::string name = new_name("constant");
  network_.constants.emplace(name, std::move(value));
  return name;
}

std::string Graph::integers(std::vector<std::int64_t> values) {
  std::string name = new_name("integers");
  network_.integers.emplace(name, std::move(values));
  return name;
}

Value Graph::input(const std::string& name, const std::vector<std::int64_t>& dims) {
  values_[name] = {static_cast<int>(dims.size()), 0, std::nullopt};
  network_.inputs.push_back({name, dims});
  return {this, name};
}

Value Graph::conv(const Value& x, Constant weight, Constant bias, const ConvAttributes& a) {
  check(weight.dims.size() == 4, "conv: want weight [O, C / groups, kh, kw], got ",
        shape_text(weight.dims));
  check_bias("conv", bias, weight.dims[0]);
  std::vector<Attribute> attributes{ints_of("dilations", {a.dilation, a.dilation}),
                                    int_of("group", a.groups),
                                    ints_of("kernel_shape", {weight.dims[2], weight.dims[3]}),
                                    ints_of("strides", {a.stride, a.stride})};
  attributes.push_back(a.same ? text_of("auto_pad", "SAME_UPPER")
                              : ints_of("pads", {a.padding, a.padding, a.padding, a.padding}));
  std::vector<std::string> constants{constant(std::move(weight))};
  if (!bias.data.empty()) constants.push_back(constant(std::move(bias)));
  return add("Conv", 4, {x}, std::move(constants), std::move(attributes));
}

Value Graph::linear(const Value& x, Constant weight, Constant bias) {
  check(weight.dims.size() == 2, "linear: want weight [O, I], got ", shape_text(weight.dims));
  check_bias("linear", bias, weight.dims[0]);
  if (const int rank = use(x.name).rank; rank != 2) {  // Gemm is for matrices only
    const std::int64_t out = weight.dims[0], in = weight.dims[1];
    Constant across{{in, out}, std::vector<float>(weight.data.size())};
    for (std::int64_t o = 0; o < out; ++o)
      for (std::int64_t i = 0; i < in; ++i) across.data[i * out + o] = weight.data[o * in + i];
    const Value y = add("MatMul", rank, {x}, {constant(std::move(across))});
    return bias.data.empty() ? y : binary("Add", y, std::move(bias));
  }
  std::vector<std::string> constants{constant(std::move(weight))};
  if (!bias.data.empty()) constants.push_back(constant(std::move(bias)));
  return add("Gemm", 2, {x}, std::move(constants), {int_of("transB", 1)});
}

// (W x + b) * scale + shift = (scale W) x + (b scale + shift), a scale and a shift for each row of
// W.
Value Graph::scale_rows(const Value& x, const std::vector<float>& scale,
                        const std::vector<float>& shift) {
  Use made = use(x.name);
  Node& node = network_.nodes[*made.node];
  Constant& weight = network_.constants.at(node.inputs[1]);
  const std::size_t rows = scale.size(), row = weight.data.size() / rows;
  check(static_cast<std::int64_t>(rows) == weight.dims[0], "affine: want ", weight.dims[0],
        " channels, got ", rows);
  if (node.inputs.size() == 2)
    node.inputs.push_back(constant({{weight.dims[0]}, std::vector<float>(rows)}));
  Constant& bias = network_.constants.at(node.inputs[2]);
  for (std::size_t o = 0; o < rows; ++o) {
    const double s = scale[o];
    for (std::size_t i = o * row; i < (o + 1) * row; ++i)
      weight.data[i] = static_cast<float>(weight.data[i] * s);
    bias.data[o] = static_cast<float>(bias.data[o] * s + shift[o]);
  }
  // A new name: who still holds x, the value before the scale, must not silently get the one after
  // it.
  values_.erase(x.name);
  node.output = new_name(node.op);
  values_[node.output] = made;
  return {this, node.output};
}

Value Graph::affine(const Value& x, const std::vector<float>& scale,
                    const std::vector<float>& shift) {
  check(!scale.empty() && scale.size() == shift.size(),
        "affine: want as many shifts as scales, got ", shift.size(), " and ", scale.size());
  const Use made = use(x.name);
  if (made.readers == 0 && made.node &&
      (network_.nodes[*made.node].op == "Conv" || network_.nodes[*made.node].op == "Gemm"))
    return scale_rows(x, scale, shift);
  std::vector<std::int64_t> dims(static_cast<std::size_t>(made.rank), 1);  // [1, C, 1, 1] or [1, C]
  check(made.rank >= 2, "affine: want x [N, C, ...], got ", made.rank, " dimensions");
  dims[1] = static_cast<std::int64_t>(scale.size());
  return binary("Add", binary("Mul", x, Constant{dims, scale}), Constant{dims, shift});
}

Value Graph::unary(const std::string& op, const Value& x) { return add(op, use(x.name).rank, {x}); }

Value Graph::binary(const std::string& op, const Value& a, const Value& b) {
  return add(op, std::max(use(a.name).rank, use(b.name).rank), {a, b});
}

Value Graph::binary(const std::string& op, const Value& a, Constant b) {
  const int rank = std::max(use(a.name).rank, static_cast<int>(b.dims.size()));
  return add(op, rank, {a}, {constant(std::move(b))});
}

Value Graph::clip(const Value& x, float low, float high) {
  std::vector<std::string> limits{std::isinf(low) ? "" : constant({{}, {low}})};
  if (!std::isinf(high)) limits.push_back(constant({{}, {high}}));
  return add("Clip", use(x.name).rank, {x}, std::move(limits));
}

Value Graph::average_pool(const Value& x, int kernel, int stride, bool same, bool ceil_mode) {
  std::vector<Attribute> attributes{int_of("ceil_mode", ceil_mode), int_of("count_include_pad", 0),
                                    ints_of("kernel_shape", {kernel, kernel}),
                                    ints_of("strides", {stride, stride})};
  if (same) attributes.push_back(text_of("auto_pad", "SAME_UPPER"));
  return add("AveragePool", 4, {x}, {}, std::move(attributes));
}

Value Graph::max_pool(const Value& x, int kernel, int stride, int padding) {
  return add("MaxPool", 4, {x}, {},
             {ints_of("kernel_shape", {kernel, kernel}), ints_of("strides", {stride, stride}),
              ints_of("pads", {padding, padding, padding, padding})});
}

Value Graph::global_average_pool(const Value& x) { return add("GlobalAveragePool", 4, {x}); }

Value Graph::flatten(const Value& x) { return add("Flatten", 2, {x}, {}, {int_of("axis", 1)}); }

Value Graph::l2_normalize(const Value& x) {
  // Not LpNormalization: before opset 22 it does not say what becomes of a row of zeros.
  const Value length = add("ReduceL2", 2, {x}, {}, {ints_of("axes", {1}), int_of("keepdims", 1)});
  return binary("Div", x, clip(length, 1e-12f, INFINITY));
}

Value Graph::prelu(const Value& x, Constant slope) {
  const int rank = use(x.name).rank;
  // The slope is broadcast from the right: [C] over [N, C, H, W] must be [C, 1, 1].
  if (slope.dims.size() == 1)
    for (int i = 2; i < rank; ++i) slope.dims.push_back(1);
  return add("PRelu", rank, {x}, {constant(std::move(slope))});
}

Value Graph::layer_norm(const Value& x, Constant scale, Constant bias, float eps) {
  check_bias("layer_norm", bias, static_cast<std::int64_t>(scale.data.size()));
  return add("LayerNormalization", use(x.name).rank, {x},
             {constant(std::move(scale)), constant(std::move(bias))},
             {int_of("axis", -1), float_of("epsilon", eps)});
}

Value Graph::softmax(const Value& x) {
  return add("Softmax", use(x.name).rank, {x}, {}, {int_of("axis", -1)});
}

Value Graph::transpose(const Value& x, const std::vector<std::int64_t>& order) {
  check(static_cast<int>(order.size()) == use(x.name).rank, "transpose: want ", use(x.name).rank,
        " axes, got ", shape_text(order));
  return add("Transpose", static_cast<int>(order.size()), {x}, {}, {ints_of("perm", order)});
}

Value Graph::reshape(const Value& x, std::vector<std::int64_t> dims) {
  const int rank = static_cast<int>(dims.size());
  return add("Reshape", rank, {x}, {integers(std::move(dims))});
}

Value Graph::slice(const Value& x, int axis, std::int64_t begin, std::int64_t end) {
  return add("Slice", use(x.name).rank, {x},
             {integers({begin}), integers({end}), integers({axis})});
}

Value Graph::pad_front(const Value& x, int axis, std::int64_t count) {
  const int rank = use(x.name).rank;
  std::vector<std::int64_t> pads(static_cast<std::size_t>(2 * rank));
  pads[static_cast<std::size_t>(axis)] = count;
  return add("Pad", rank, {x}, {integers(std::move(pads))});
}

const std::vector<std::int64_t>& Graph::input_dims(const Value& x) const {
  for (const Network::Info& input : network_.inputs)
    if (input.name == x.name) return input.dims;
  throw Error(ErrorCode::kInternal, join("onnx graph: want an input, got ", x.name));
}

void Graph::output(const std::string& name, const Value& x, const std::vector<std::int64_t>& dims) {
  Use made = use(x.name);
  check(made.rank == static_cast<int>(dims.size()), "output ", name, ": want ", made.rank,
        " dimensions, got ", shape_text(dims));
  if (!made.node) return output(name, unary("Identity", x), dims);  // an input keeps its own name
  for (Node& node : network_.nodes)
    std::replace(node.inputs.begin(), node.inputs.end(), x.name, name);
  network_.nodes[*made.node].output = name;
  values_.erase(x.name);
  values_[name] = {made.rank, made.readers + 1, made.node};
  network_.outputs.push_back({name, dims});
}

}  // namespace shoplens
