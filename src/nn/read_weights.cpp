// SPDX-License-Identifier: Apache-2.0
#include "nn/read_weights.h"

#include <cstring>

#include "core/files.h"
#include "pth/pth.h"

namespace shoplens {
namespace {

torch::ScalarType scalar_type(const std::string& storage) {
  static const std::map<std::string, torch::ScalarType> types{
      {"Double", torch::kDouble},     {"Float", torch::kFloat}, {"Half", torch::kHalf},
      {"BFloat16", torch::kBFloat16}, {"Long", torch::kLong},   {"Int", torch::kInt},
      {"Short", torch::kShort},       {"Char", torch::kChar},   {"Byte", torch::kByte},
      {"Bool", torch::kBool}};
  return types.at(storage);
}

}  // namespace

NamedTensors read_weights(const std::filesystem::path& path) {
  char first[4] = {};
  open_file(path).read(first, sizeof first);
  if (!looks_like_pth({first, sizeof first})) return read_safetensors(path).tensors;
  NamedTensors all;
  for (const PthTensor& from : read_pth(path)) {
    torch::Tensor tensor = torch::empty(from.shape, scalar_type(from.type));
    if (!from.bytes.empty()) std::memcpy(tensor.data_ptr(), from.bytes.data(), from.bytes.size());
    all.emplace_back(from.name, tensor);
  }
  return all;
}

}  // namespace shoplens
