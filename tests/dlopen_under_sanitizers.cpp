// SPDX-License-Identifier: Apache-2.0
// A sanitizer ends a program that loads a library with RTLD_DEEPBIND, as OpenVINO's TBB does.
// In front of its dlopen, this one leaves the flag out. Linked into every program of a sanitized
// build, and no other.
#include <dlfcn.h>

extern "C" void* __interceptor_dlopen(const char* path, int flags);
extern "C" void* dlopen(const char* path, int flags) {
  return __interceptor_dlopen(path, flags & ~RTLD_DEEPBIND);
}
