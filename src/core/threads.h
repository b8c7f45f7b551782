// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <string>

namespace shoplens {

/// More threads than any machine has cores for: a slip of the pen.
inline constexpr int kMaxThreads = 1024;

/// The cores this process may run on (its CPU affinity), at least 1.
int available_cores();

/// The processor as Linux calls it, "AMD EPYC 9B45"; "unknown" where it says nothing.
std::string processor_name();

/// The instructions it has, as Linux lists them; empty where it says nothing. Virtual machines with
/// the same name can differ in them.
std::string processor_features();

/// Its name and a short hash of its features, "AMD EPYC 9B45 with features 0f3a9c5e2b71": what is
/// measured on a processor, or computed to the bit, may not hold on one with another.
std::string processor_identity();

/// Calls body(i) for every i in [0, count) on `threads` threads (the caller is one of them) and
/// returns when all are done. The first exception thrown is rethrown here after the others have
/// ended.
void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t)>& body);

}  // namespace shoplens
