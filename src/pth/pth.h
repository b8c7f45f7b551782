// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace shoplens {

/// One tensor of a checkpoint: row-major, little-endian.
struct PthTensor {
  std::string name;
  std::string type;  // as PyTorch calls its storage: Float, Double, Half, BFloat16, Long, Int,
                     // Short, Char, Byte, Bool
  std::vector<std::int64_t> shape;
  std::string bytes;
};

/// Whether a file that begins so is a PyTorch checkpoint: a zip archive (torch.save since 1.6) or a
/// pickle.
bool looks_like_pth(std::string_view first_bytes);

/// The tensors of a checkpoint that torch.save wrote, zip or the older format: of the state_dict
/// itself, or of the first of state_dict_ema, state_dict, model_state_dict, model that holds
/// tensors. The file is untrusted: nothing in it is executed, only tensors, numbers, strings and
/// containers are understood, every size is checked, and no name may be there twice. Throws
/// kCorrupt for damage and kUnsupported for anything else, both naming the file.
std::vector<PthTensor> parse_pth(std::string_view bytes, const std::string& name);
std::vector<PthTensor> read_pth(const std::filesystem::path& path);

}  // namespace shoplens
