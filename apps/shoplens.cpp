// SPDX-License-Identifier: Apache-2.0
#include "apps/commands.h"

int main(int argc, char** argv) {
  using namespace shoplens;
  std::vector<Command> commands{
      handed_over("train", "train an embedding model on a catalogue of photos", "shoplens-train"),
      handed_over("export", "write a run's best model as model.onnx", "shoplens-train"),
      handed_over("import", "write a backbone's pretrained weights as model.onnx",
                  "shoplens-train"),
      quantize_command(),
      distill_command(),
      embed_command(),
  };
  for (Command& c : index_commands()) commands.push_back(std::move(c));
  commands.push_back(calibrate_command());
  commands.push_back(predict_command());
  commands.push_back(eval_command());
  commands.push_back(serve_command());
  commands.push_back(token_command());
  commands.push_back(groups_command());
  commands.push_back(shift_command());
  commands.push_back(demo_photos_command());
  commands.push_back(page_command());
  return run_program(commands, argc, argv);
}
