// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <csetjmp>
#include <cstdio>

namespace shoplens {

/// Lets C code that must not return from its error callback (libjpeg, libpng) fail without exit().
/// C++ exceptions cannot pass its frames, so the callback jumps back to run(), which returns false;
/// the caller then throws.
class ErrorTrap {
 public:
  /// Calls body(); false when raise() was called inside. The body may own nothing: its destructors
  /// are jumped over.
  template <class Body>
  [[gnu::noinline]] bool run(Body body) {
    if (setjmp(jump_) != 0) return false;
    body();
    return true;
  }

  /// Ends the running run(). Only inside it.
  [[noreturn]] void raise(const char* reason) {
    std::snprintf(reason_, sizeof reason_, "%s", reason);
    std::longjmp(jump_, 1);
  }

  const char* reason() const { return reason_; }  // what raise() was given

 private:
  std::jmp_buf jump_;
  char reason_[256] = "";
};

}  // namespace shoplens
