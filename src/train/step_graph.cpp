// SPDX-License-Identifier: Apache-2.0
#include "train/step_graph.h"

#include "core/error.h"

#ifdef SHOPLENS_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace shoplens {

#ifdef SHOPLENS_CUDA

namespace {
constexpr int kWarmUps = 3;  // as torch.cuda.make_graphed_callables
}

struct StepGraph::State {
  Pass pass;
  // Warm-up and recording are on one stream, which is not the default one: autograd remembers it.
  c10::cuda::CUDAStream stream;
  int runs = 0;
  std::unique_ptr<at::cuda::CUDAGraph> graph{};
  torch::Tensor x{}, labels{}, loss{};  // what the graph reads and writes
};

StepGraph::StepGraph(Pass pass, torch::Device device)
    : state_(new State{std::move(pass),
                       c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index())}) {}

StepGraph::~StepGraph() = default;

bool StepGraph::is_supported() { return true; }
bool StepGraph::is_recorded() const { return state_->graph != nullptr; }

torch::Tensor StepGraph::run(const torch::Tensor& x, const torch::Tensor& labels) {
  State& s = *state_;
  if (s.graph) {
    check(x.sizes() == s.x.sizes(), "step graph: want x ", s.x.sizes(), ", got ", x.sizes());
    s.x.copy_(x, /*non_blocking=*/true);
    s.labels.copy_(labels, /*non_blocking=*/true);
    s.graph->replay();
    return s.loss;
  }
  const auto current = c10::cuda::getCurrentCUDAStream(s.stream.device_index());
  s.stream.synchronize();
  current.synchronize();  // x is there, and what the last step changed
  {
    const c10::cuda::CUDAStreamGuard on_stream(s.stream);
    if (s.runs++ < kWarmUps) {
      s.loss = s.pass(x, labels);
    } else {
      s.x = x.clone(at::MemoryFormat::Preserve);
      s.labels = labels.clone();
      c10::cuda::CUDACachingAllocator::emptyCache();  // a recording has memory of its own
      auto graph = std::make_unique<at::cuda::CUDAGraph>();
      // The loader's threads may ask for pinned memory meanwhile.
      graph->capture_begin({}, cudaStreamCaptureModeThreadLocal);
      s.loss = s.pass(s.x, s.labels);
      graph->capture_end();
      graph->replay();  // recording computed nothing
      s.graph = std::move(graph);
    }
  }
  s.stream.synchronize();
  return s.loss;
}

#else

struct StepGraph::State {};

StepGraph::StepGraph(Pass, torch::Device) {
  throw Error(ErrorCode::kUnsupported,
              "train: want --cuda-graphs on, but this build has no CUDA runtime",
              "build with the CUDA build of LibTorch and the headers of nvidia-cuda-runtime and "
              "nvidia-cuda-crt");
}

StepGraph::~StepGraph() = default;

bool StepGraph::is_supported() { return false; }
torch::Tensor StepGraph::run(const torch::Tensor&, const torch::Tensor&) { return {}; }
bool StepGraph::is_recorded() const { return false; }

#endif

}  // namespace shoplens
