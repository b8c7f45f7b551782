// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "data/loader.h"

namespace shoplens {

/// How a network is run: where, in what precision, in what memory format.
struct Execution {
  at::Device device = at::kCPU;
  bool bf16 = true;                     // autocast
  at::ScalarType weights = at::kFloat;  // and the pixels
  bool channels_last = true;
};

/// A small tensor of the host on the device; to a GPU it is copied while the host goes on, from a
/// pinned copy.
at::Tensor to_device(const at::Tensor& tensor, at::Device device);

/// Memory for a loader's batches from which a GPU copies while the host goes on. Wants CUDA.
std::shared_ptr<float[]> pinned_memory(std::size_t floats);

/// A loader's batches of photos [3, size, size] as tensors on a device. To a GPU the next one can
/// be copied while the present one is worked on.
class DeviceBatches {
 public:
  DeviceBatches(std::unique_ptr<Loader> loader, int size, const Execution& execution);

  struct Item {
    Batch batch;
    at::Tensor x;  // [n, 3, size, size], on a processor a view of the batch's memory where it can
  };
  /// The next batch; nothing after the last.
  std::optional<Item> next();

  /// To be called when the GPU has been given its work on the present batch: begins to copy the
  /// one after, on another stream, if that is loaded. On a processor it does nothing.
  void copy_ahead();

  /// Takes a batch's memory back for a later one. Of a GPU's batch when a result of x has been
  /// read, as x is sure to have been copied then, or when x is not used.
  void recycle(Item&& item) { loader_->recycle(std::move(item.batch)); }

  /// Loader::wait_seconds.
  double wait_seconds() const { return loader_->wait_seconds(); }

 private:
  struct Begun {
    Item item;
    std::optional<c10::Event> copied;  // on a GPU, item.x
  };
  std::optional<Begun> begin();
  at::Tensor to_input(std::span<float> data) const;

  std::unique_ptr<Loader> loader_;
  int size_;
  Execution execution_;
  std::optional<Begun> ahead_;
};

}  // namespace shoplens
