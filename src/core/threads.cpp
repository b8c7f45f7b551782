// SPDX-License-Identifier: Apache-2.0
#include "core/threads.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <fstream>
#include <mutex>
#include <thread>
#include <vector>

#include "core/hash.h"

namespace shoplens {
namespace {

// What the first processor's line of that name says.
std::string cpuinfo(const std::string& name) {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (const auto at = line.find(": "); line.starts_with(name + '\t') && at != line.npos)
      return line.substr(at + 2);
  return "";
}

}  // namespace

int available_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

std::string processor_name() {
  const std::string name = cpuinfo("model name");
  return name.empty() ? "unknown" : name;
}

std::string processor_features() {
  const std::string x86 = cpuinfo("flags");
  return x86.empty() ? cpuinfo("Features") : x86;
}

std::string processor_identity() {
  return processor_name() + " with features " + sha256_hex(processor_features()).substr(0, 12);
}

void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t)>& body) {
  std::atomic<std::int64_t> next{0};
  std::exception_ptr first;
  std::mutex mutex;
  const auto work = [&] {
    try {
      for (std::int64_t i; (i = next++) < count;) body(i);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!first) first = std::current_exception();
      next = count;  // the others stop at their next step
    }
  };
  std::vector<std::jthread> helpers;
  for (std::int64_t i = 1; i < std::min<std::int64_t>(threads, count); ++i)
    helpers.emplace_back(work);
  work();
  helpers.clear();  // joins
  if (first) std::rethrow_exception(first);
}

}  // namespace shoplens
