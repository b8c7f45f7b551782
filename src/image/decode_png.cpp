// SPDX-License-Identifier: Apache-2.0
#include "image/decode_png.h"

#include <png.h>
#include <zlib.h>

#include <cstring>
#include <utility>

#include "image/error_trap.h"
#include "image/exif.h"

namespace shoplens {
namespace {

constexpr std::size_t kSignatureSize = 8;
constexpr std::size_t kChunkFrame = 12;  // length, type and CRC, 4 bytes each
// Any kind may have transparency: RGBA, and the RGB that is made of it.
constexpr std::uint64_t kBytesPerPixel = 4 + 3;

std::uint32_t big_endian(std::string_view bytes, std::size_t at) {
  return png_get_uint_32(reinterpret_cast<png_const_bytep>(bytes.data() + at));
}

// The content of the first eXIf chunk; empty when there is none or its checksum is wrong.
std::string_view find_exif(std::string_view bytes) {
  std::size_t at = kSignatureSize;
  while (bytes.size() - at >= kChunkFrame) {
    const std::size_t length = big_endian(bytes, at);
    if (length > bytes.size() - at - kChunkFrame) break;
    const std::string_view type_and_data = bytes.substr(at + 4, 4 + length);
    if (type_and_data.starts_with("eXIf")) {
      const auto sum = crc32(0, reinterpret_cast<const Bytef*>(type_and_data.data()),
                             static_cast<uInt>(type_and_data.size()));
      return sum == big_endian(bytes, at + 8 + length) ? type_and_data.substr(4)
                                                       : std::string_view();
    }
    at += kChunkFrame + length;
  }
  return {};
}

void on_error(png_structp png, png_const_charp text) {
  static_cast<ErrorTrap*>(png_get_error_ptr(png))->raise(text);
}

void stay_silent(png_structp, png_const_charp) {}

class PngReader {
 public:
  explicit PngReader(const ImageFile& file) : file_(file), rest_(file.bytes) {}
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  Image read() {
    run([&] {
      open();
      png_read_info(png_, info_);
      ask_for_8_bit_colour();
      png_read_update_info(png_, info_);
    });
    const int width = static_cast<int>(png_get_image_width(png_, info_));
    const int height = static_cast<int>(png_get_image_height(png_, info_));
    if (png_get_channels(png_, info_) == 3) {
      Image image(width, height);
      read_rows(image.pixels.data());
      return image;
    }
    std::vector<std::uint8_t> rgba(static_cast<std::size_t>(width) * height * 4);
    read_rows(rgba.data());
    return over_white(rgba.data(), width, height);
  }

 private:
  template <class Body>
  void run(Body body) {
    if (!trap_.run(body)) throw_damaged(file_, "PNG", trap_.reason());
  }

  // Only inside run().
  void open() {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &trap_, on_error, stay_silent);
    if (png_ == nullptr || (info_ = png_create_info_struct(png_)) == nullptr)
      trap_.raise("no memory");
    png_set_read_fn(png_, this, read_bytes);
    // Text, profiles and the like can be compressed bombs; only what changes the pixels is read.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    // check_size has already ruled; libpng's own limit would only give another message.
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  }

  static void read_bytes(png_structp png, png_bytep out, std::size_t count) {
    auto& reader = *static_cast<PngReader*>(png_get_io_ptr(png));
    if (count > reader.rest_.size()) reader.trap_.raise("the file ends too early");
    std::memcpy(out, reader.rest_.data(), count);
    reader.rest_.remove_prefix(count);
  }

  // Rows become RGB, or RGBA where there is transparency.
  void ask_for_8_bit_colour() {
    png_set_expand(png_);  // palette, 1 to 4 bits and tRNS
    png_set_strip_16(png_);
    png_set_gray_to_rgb(png_);
    passes_ = png_set_interlace_handling(png_);
  }

  void read_rows(std::uint8_t* pixels) {
    const std::size_t stride = png_get_rowbytes(png_, info_);
    const png_uint_32 height = png_get_image_height(png_, info_);
    run([&] {
      for (int pass = 0; pass < passes_; ++pass)
        for (png_uint_32 y = 0; y < height; ++y) png_read_row(png_, pixels + y * stride, nullptr);
      png_read_end(png_, nullptr);  // checks the last checksums
    });
  }

  const ImageFile& file_;
  std::string_view rest_;  // not yet read
  ErrorTrap trap_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  int passes_ = 1;
};

}  // namespace

Image decode_png(const ImageFile& file) {
  // IHDR is always first: signature, length, "IHDR", width, height.
  if (file.bytes.size() < kSignatureSize + 16)
    throw_damaged(file, "PNG", "the file ends too early");
  const std::uint64_t width = big_endian(file.bytes, kSignatureSize + 8),
                      height = big_endian(file.bytes, kSignatureSize + 12);
  check_size(file, width, height);
  announce_memory(file, width * height * kBytesPerPixel);
  Image image = PngReader(file).read();
  return orient(std::move(image), exif_orientation(find_exif(file.bytes)));
}

}  // namespace shoplens
