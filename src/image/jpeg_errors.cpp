// SPDX-License-Identifier: Apache-2.0
#include "image/jpeg_errors.h"

#include <jerror.h>

namespace shoplens {
namespace {

[[noreturn]] void on_error(j_common_ptr codec) {
  char text[JMSG_LENGTH_MAX];
  codec->err->format_message(codec, text);
  const bool ended = codec->err->msg_code == JWRN_JPEG_EOF;
  static_cast<JpegErrors*>(codec->err)->raise(ended ? "the file ends too early" : text);
}

void on_message(j_common_ptr codec, int level) {
  if (level >= 0) return;  // a trace
  const int code = codec->err->msg_code;
  if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER) on_error(codec);
  ++codec->err->num_warnings;
}

void stay_silent(j_common_ptr) {}

}  // namespace

JpegErrors::JpegErrors() : jpeg_error_mgr{} {
  jpeg_std_error(this);
  error_exit = on_error;
  emit_message = on_message;
  output_message = stay_silent;
}

bool JpegErrors::unsupported() const {
  return msg_code == JERR_SOF_UNSUPPORTED || msg_code == JERR_BAD_PRECISION ||
         msg_code == JERR_CONVERSION_NOTIMPL;
}

}  // namespace shoplens
