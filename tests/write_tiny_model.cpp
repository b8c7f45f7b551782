// SPDX-License-Identifier: Apache-2.0
// write_tiny_model OUT.onnx SEED [DIM [draft]]: a model.onnx for the command-line tests.
#include "runtime/tiny_model.h"

int main(int argc, char** argv) {
  if (argc < 3 || argc > 5) return 2;
  shoplens::write_tiny_model(argv[1], /*size=*/32, argc > 3 ? std::stoi(argv[3]) : 16,
                             std::stoull(argv[2]), {},
                             shoplens::decode_from_string(argc > 4 ? argv[4] : "full"));
}
