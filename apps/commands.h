// SPDX-License-Identifier: Apache-2.0
// The verbs, one cmd_*.cpp each: options and wiring only.
#pragma once
#include "apps/command.h"

namespace shoplens {

// of shoplens
Command calibrate_command();
Command demo_photos_command();
Command distill_command();
Command embed_command();
Command eval_command();
std::vector<Command> index_commands();  // all of them, these five among them
Command index_build_command();
Command index_add_command();
Command index_pipeline_command();
Command index_tune_command();
Command index_upgrade_command();
Command page_command();
Command predict_command();
Command quantize_command();
Command groups_command();
Command serve_command();
Command shift_command();
Command token_command();

// of shoplens-train
Command export_command();
Command import_command();
Command train_command();

}  // namespace shoplens
