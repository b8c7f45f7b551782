// SPDX-License-Identifier: Apache-2.0
// write_tiny_model OUT.onnx SEED [DIM]: a model.onnx for the command-line tests.
#include "runtime/tiny_model.h"

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return 2;
  shoplens::write_tiny_model(argv[1], /*size=*/32, argc == 4 ? std::stoi(argv[3]) : 16,
                             std::stoull(argv[2]));
}
