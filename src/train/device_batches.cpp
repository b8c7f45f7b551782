// SPDX-License-Identifier: Apache-2.0
#include "train/device_batches.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <utility>

namespace shoplens {

at::Tensor to_device(const at::Tensor& tensor, at::Device device) {
  return device.is_cuda() ? tensor.pin_memory().to(device, /*non_blocking=*/true)
                          : tensor.to(device);
}

std::shared_ptr<float[]> pinned_memory(std::size_t floats) {
  at::Tensor pinned =
      at::empty(static_cast<std::int64_t>(floats), at::TensorOptions().pinned_memory(true));
  float* data = pinned.data_ptr<float>();
  return {data, [owner = std::move(pinned)](float*) {}};
}

DeviceBatches::DeviceBatches(std::unique_ptr<Loader> loader, int size, const Execution& execution)
    : loader_(std::move(loader)), size_(size), execution_(execution) {
  if (execution.device.is_cuda())
    copies_ = c10::impl::VirtualGuardImpl(execution.device.type())
                  .getStreamFromGlobalPool(execution.device);
}

std::optional<DeviceBatches::Item> DeviceBatches::next() {
  if (!begun_) begin();
  begun_ = false;
  if (copied_) {
    const c10::impl::VirtualGuardImpl device(execution_.device.type());
    const c10::Stream current = device.getStream(execution_.device);
    copied_->block(current);
    ahead_->x.record_stream(current);  // its memory came from the other stream
    copied_.reset();
  }
  return std::exchange(ahead_, std::nullopt);
}

void DeviceBatches::copy_ahead() {
  if (copies_ && !begun_) begin();
}

void DeviceBatches::begin() {
  auto batch = loader_->next();
  begun_ = true;
  if (!batch) return;
  ahead_.emplace(Item{std::move(*batch), {}});
  if (ahead_->batch.samples.empty()) return;
  if (!copies_) {
    ahead_->x = to_input(ahead_->batch.data);
    return;
  }
  const c10::StreamGuard on_stream(*copies_);
  ahead_->x = to_input(ahead_->batch.data);
  copied_.emplace(execution_.device.type());
  copied_->record(*copies_);
}

at::Tensor DeviceBatches::to_input(std::span<float> data) const {
  const auto n = static_cast<std::int64_t>(data.size()) / (std::int64_t{3} * size_ * size_);
  const at::Tensor x = at::from_blob(data.data(), {n, 3, size_, size_});
  return x.to(execution_.device, /*non_blocking=*/true)
      .to(execution_.weights)
      .contiguous(execution_.channels_last ? at::MemoryFormat::ChannelsLast
                                           : at::MemoryFormat::Contiguous);
}

}  // namespace shoplens
