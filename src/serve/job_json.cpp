// SPDX-License-Identifier: Apache-2.0
#include "serve/job_json.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "serve/photo_work.h"

namespace shoplens {

using Json = nlohmann::ordered_json;

Json job_json(const JobState& job) {
  Json failures = Json::array();
  for (const auto& [name, message] : job.failures)
    failures.push_back({{"name", name}, {"message", message}});
  return {{"id", job.id},
          {"state", to_string(job.phase)},
          {"message", job.message.empty() ? Json() : Json(job.message)},
          {"total", job.total},
          {"done", job.done},
          {"added", job.added},
          {"existing", job.existing},
          {"relabelled", job.relabelled},
          {"failed", job.failed},
          {"errors", std::move(failures)}};
}

HttpResponse job_response(const std::optional<JobState>& job, int status) {
  if (!job) absent("job");
  return {status, "application/json", dumped(job_json(*job))};
}

JobState job_of(const Json& json, std::int64_t id) {
  JobState job;
  try {
    using enum JobState::Phase;
    const auto state = json.at("state").get<std::string>();
    for (const JobState::Phase phase : {kWaiting, kRunning, kDone, kFailed, kCancelled})
      if (state == to_string(phase)) job.phase = phase;
    if (json.at("message").is_string()) job.message = json.at("message").get<std::string>();
    for (const auto& [name, value] : {std::pair{"total", &job.total},
                                      {"done", &job.done},
                                      {"added", &job.added},
                                      {"existing", &job.existing},
                                      {"relabelled", &job.relabelled},
                                      {"failed", &job.failed}})
      *value = json.at(name).get<std::int64_t>();
    for (const Json& photo : json.at("errors"))
      job.failures.push_back(
          {photo.at("name").get<std::string>(), photo.at("message").get<std::string>()});
  } catch (const Json::exception&) {
    job = {};
  }
  job.id = id;
  return job;
}

}  // namespace shoplens
