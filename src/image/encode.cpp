// SPDX-License-Identifier: Apache-2.0
#include "image/encode.h"

#include <png.h>

#include <cstdlib>

#include "core/error.h"
#include "image/jpeg_errors.h"

namespace shoplens {
namespace {

void check_picture(const char* who, const Image& image) {
  check(image.width > 0 && image.height > 0 &&
            image.pixels.size() == static_cast<std::size_t>(image.width) * image.height * 3,
        who, ": want pixels [height, width, 3], got ", image.pixels.size(), " bytes for ",
        image.width, " x ", image.height);
}

class JpegWriter {
 public:
  JpegWriter() { codec_.err = &errors_; }
  ~JpegWriter() {
    jpeg_destroy_compress(&codec_);
    std::free(out_);
  }
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;

  std::string write(const Image& image, int quality) {
    const bool written = errors_.run([&] {
      jpeg_create_compress(&codec_);
      jpeg_mem_dest(&codec_, &out_, &size_);
      codec_.image_width = static_cast<JDIMENSION>(image.width);
      codec_.image_height = static_cast<JDIMENSION>(image.height);
      codec_.input_components = 3;
      codec_.in_color_space = JCS_RGB;
      jpeg_set_defaults(&codec_);  // YCbCr 4:2:0, accurate integer DCT
      jpeg_set_quality(&codec_, quality, TRUE);
      jpeg_start_compress(&codec_, TRUE);
      for (int y = 0; y < image.height; ++y) {
        JSAMPROW row = const_cast<JSAMPROW>(image.row(y));  // libjpeg only reads it
        jpeg_write_scanlines(&codec_, &row, 1);
      }
      jpeg_finish_compress(&codec_);
    });
    check(written, "encode_jpeg: ", errors_.reason());
    return std::string(reinterpret_cast<const char*>(out_), size_);
  }

 private:
  JpegErrors errors_;
  jpeg_compress_struct codec_{};
  unsigned char* out_ = nullptr;  // malloc'ed by libjpeg
  unsigned long size_ = 0;
};

}  // namespace

std::string encode_jpeg(const Image& image, int quality) {
  check_picture("encode_jpeg", image);
  check(quality >= 1 && quality <= 100, "encode_jpeg: want quality 1 to 100, got ", quality);
  return JpegWriter().write(image, quality);
}

std::string encode_png(const Image& image) {
  check_picture("encode_png", image);
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.width = static_cast<png_uint_32>(image.width);
  header.height = static_cast<png_uint_32>(image.height);
  header.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(header);
  std::string out(size, '\0');
  const int written =
      png_image_write_to_memory(&header, out.data(), &size, 0, image.pixels.data(), 0, nullptr);
  check(written != 0, "encode_png: ", header.message);
  out.resize(size);
  return out;
}

}  // namespace shoplens
