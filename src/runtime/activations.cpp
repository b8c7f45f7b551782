// SPDX-License-Identifier: Apache-2.0
#include "runtime/activations.h"

#include <openvino/openvino.hpp>

#include "core/error.h"
#include "onnx/model_info.h"
#include "runtime/openvino_error.h"

namespace shoplens {

struct Activations::State {
  std::filesystem::path path;
  std::size_t size = 0;  // of the pixels' side
  ov::Core core;
  ov::InferRequest request;
  std::vector<std::string> values;
};

Activations::Activations(const std::filesystem::path& model, const std::vector<std::string>& values)
    : state_(std::make_unique<State>()) {
  state_->path = model;
  state_->size = static_cast<std::size_t>(read_model_info(model).preprocessing.size);
  state_->values = values;
  try {
    const auto network = state_->core.read_model(model.string());
    for (const std::string& value : values)
      if (value != network->input().get_any_name()) network->add_output(value);
    state_->request =
        state_->core.compile_model(network, "CPU", ov::hint::inference_precision(ov::element::f32))
            .create_infer_request();
  } catch (const ov::Exception& e) {
    throw Error(ErrorCode::kUnsupported,
                join("activations: OpenVINO cannot show the values of the model: ",
                     last_line(e.what()), " (", model.string(), ")"));
  }
}

Activations::~Activations() = default;

void Activations::run(const float* pixels, std::int64_t n, const See& see) {
  const ov::Tensor input(ov::element::f32,
                         {static_cast<std::size_t>(n), 3, state_->size, state_->size},
                         const_cast<float*>(pixels));
  try {
    state_->request.set_input_tensor(input);
    state_->request.infer();
    for (std::size_t i = 0; i < state_->values.size(); ++i) {
      const ov::Tensor value = state_->request.get_tensor(state_->values[i]);
      const ov::Shape shape = value.get_shape();
      const std::vector<std::int64_t> dims(shape.begin(), shape.end());
      see(i, dims, {value.data<const float>(), value.get_size()});
    }
  } catch (const ov::Exception& e) {
    throw Error(ErrorCode::kInternal, join("activations: OpenVINO failed: ", last_line(e.what()),
                                           " (", state_->path.string(), ")"));
  }
}

}  // namespace shoplens
