// SPDX-License-Identifier: Apache-2.0
#include "train/device_batches.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <utility>

namespace shoplens {
namespace {

// One for the process, as the allocator keeps what is freed for the stream that had it.
c10::Stream copy_stream(at::Device device) {
  static const c10::Stream stream =
      c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device);
  return stream;
}

}  // namespace

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
    : loader_(std::move(loader)), size_(size), execution_(execution) {}

std::optional<DeviceBatches::Item> DeviceBatches::next() {
  std::optional<Begun> begun = std::exchange(ahead_, std::nullopt);
  if (!begun) begun = begin();
  if (!begun) return std::nullopt;
  if (begun->copied) {
    const c10::Stream current =
        c10::impl::VirtualGuardImpl(execution_.device.type()).getStream(execution_.device);
    begun->copied->block(current);
    begun->item.x.record_stream(current);  // its memory is the other stream's
  }
  return std::move(begun->item);
}

void DeviceBatches::copy_ahead() {
  if (execution_.device.is_cuda() && !ahead_ && loader_->is_ready()) ahead_ = begin();
}

std::optional<DeviceBatches::Begun> DeviceBatches::begin() {
  auto batch = loader_->next();
  if (!batch) return std::nullopt;
  Begun begun{{std::move(*batch), {}}, std::nullopt};
  Item& item = begun.item;
  if (item.batch.samples.empty()) return begun;
  if (!execution_.device.is_cuda()) {
    item.x = to_input(item.batch.data);
    return begun;
  }
  const c10::Stream copies = copy_stream(execution_.device);
  const c10::StreamGuard on_stream(copies);
  item.x = to_input(item.batch.data);
  begun.copied.emplace(execution_.device.type()).record(copies);
  return begun;
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
