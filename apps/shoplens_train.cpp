// SPDX-License-Identifier: Apache-2.0
#include "apps/commands.h"

int main(int argc, char** argv) {
  using namespace shoplens;
  return run_program({train_command(), export_command(), import_command()}, argc, argv);
}
