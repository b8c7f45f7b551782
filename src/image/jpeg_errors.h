// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdio>
// jpeglib.h needs size_t and FILE declared before it.
#include <jpeglib.h>

#include "image/error_trap.h"

namespace shoplens {

/// libjpeg's error manager that never prints or exits: an error ends the trap's run(). A warning is
/// passed over, as Pillow does, except that the data ends too early: libjpeg would fill the rest
/// with grey.
struct JpegErrors : jpeg_error_mgr, ErrorTrap {
  JpegErrors();
  JpegErrors(const JpegErrors&) = delete;  // libjpeg keeps a pointer to it
  JpegErrors& operator=(const JpegErrors&) = delete;

  /// True when the file is sound but of a kind libjpeg does not read (12 bits, lossless,
  /// hierarchical).
  bool unsupported() const;
};

}  // namespace shoplens
