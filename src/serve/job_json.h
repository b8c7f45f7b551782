// SPDX-License-Identifier: Apache-2.0
// Jobs as clients see them, which is also how the gallery keeps an import.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "serve/http.h"
#include "serve/jobs.h"

namespace shoplens {

nlohmann::ordered_json job_json(const JobState& job);

/// What job_json made; of anything else a job of that id that is yet to begin.
JobState job_of(const nlohmann::ordered_json& json, std::int64_t id);

/// Throws HttpError 404 when there is no such job.
HttpResponse job_response(const std::optional<JobState>& job, int status = 200);

}  // namespace shoplens
