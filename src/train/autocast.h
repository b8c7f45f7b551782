// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/autocast_mode.h>

namespace shoplens {

/// Mixed precision in bf16 for its lifetime, where `enabled`: convolutions and matrix products run
/// in bf16, what needs the range stays float32. As torch.autocast(device, torch.bfloat16).
class Autocast {
 public:
  Autocast(at::DeviceType device, bool enabled)
      : device_(device), before_(at::autocast::is_autocast_enabled(device)) {
    at::autocast::set_autocast_dtype(device, at::kBFloat16);
    at::autocast::set_autocast_enabled(device, enabled);
  }
  ~Autocast() {
    at::autocast::clear_cache();  // the bf16 copies of weights that the next step changes
    at::autocast::set_autocast_enabled(device_, before_);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  at::DeviceType device_;
  bool before_;
};

}  // namespace shoplens
