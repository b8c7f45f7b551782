// SPDX-License-Identifier: Apache-2.0
#include "image/decode_jpeg.h"

#include <algorithm>
#include <utility>

#include "image/exif.h"
#include "image/jpeg_errors.h"

namespace shoplens {
namespace {

constexpr int kApp1 = JPEG_APP0 + 1;

// Each scan of a progressive file costs a pass over the whole picture, so a small file of many
// empty scans could cost hours. Encoders write about 10.
constexpr int kMaxScans = 100;

void limit_scans(j_common_ptr codec) {
  if (reinterpret_cast<j_decompress_ptr>(codec)->input_scan_number > kMaxScans)
    static_cast<JpegErrors*>(codec->err)->raise("it has too many scans");
}

class JpegReader {
 public:
  explicit JpegReader(const ImageFile& file) : file_(file) {
    codec_.err = &errors_;
    progress_.progress_monitor = limit_scans;
  }
  ~JpegReader() { jpeg_destroy_decompress(&codec_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  Image read(const ChooseScale& scale) {
    open();
    const int turned = orientation();  // libjpeg forgets the markers when it finishes
    check_size(file_, codec_.image_width, codec_.image_height);
    if (scale) choose_scale(scale, turned);
    run([&] { jpeg_calc_output_dimensions(&codec_); });
    announce_memory(file_, bytes_needed(turned));
    const int components = codec_.num_components;
    if (components != 1 && components != 3 && components != 4)
      throw_unsupported(file_, "a JPEG of " + std::to_string(components) + " colour components",
                        kConvertHint);
    codec_.out_color_space = components == 4 ? JCS_CMYK : JCS_RGB;
    run([&] { jpeg_start_decompress(&codec_); });
    Image image(static_cast<int>(codec_.output_width), static_cast<int>(codec_.output_height));
    components == 4 ? read_cmyk(image) : read_rgb(image);
    run([&] { jpeg_finish_decompress(&codec_); });  // also finds that the end marker is missing
    return orient(std::move(image), turned);
  }

 private:
  void open() {
    run([&] {
      jpeg_create_decompress(&codec_);
      codec_.progress = &progress_;
      jpeg_save_markers(&codec_, kApp1, 0xffff);
      jpeg_mem_src(&codec_, reinterpret_cast<const unsigned char*>(file_.bytes.data()),
                   file_.bytes.size());
      jpeg_read_header(&codec_, TRUE);
    });
  }

  void choose_scale(const ChooseScale& scale, int turned) {
    int width = static_cast<int>(codec_.image_width),
        height = static_cast<int>(codec_.image_height);
    if (turned >= 5) std::swap(width, height);
    codec_.scale_num = 1;
    codec_.scale_denom = static_cast<unsigned>(scale(width, height));
  }

  // The picture; before it is turned, the coefficients of all scans, where there are several.
  std::uint64_t bytes_needed(int turned) const {
    const std::uint64_t picture = std::uint64_t{3} * codec_.output_width * codec_.output_height;
    return picture + std::max(coefficient_bytes(), turned == 1 ? 0 : picture);
  }

  std::uint64_t coefficient_bytes() const {
    if (!jpeg_has_multiple_scans(const_cast<j_decompress_ptr>(&codec_))) return 0;
    const auto whole = static_cast<unsigned>(codec_.max_h_samp_factor * codec_.max_v_samp_factor);
    unsigned samples = 0;  // of so many pixels
    for (int i = 0; i < codec_.num_components; ++i)
      samples += static_cast<unsigned>(codec_.comp_info[i].h_samp_factor *
                                       codec_.comp_info[i].v_samp_factor);
    return std::uint64_t{codec_.image_width} * codec_.image_height *
           ((samples * sizeof(JCOEF) + whole - 1) / whole);
  }

  int orientation() const {
    for (auto* marker = codec_.marker_list; marker != nullptr; marker = marker->next) {
      const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
      if (data.starts_with(kExifPrefix)) return exif_orientation(data.substr(kExifPrefix.size()));
    }
    return 1;
  }

  template <class Body>
  void run(Body body) {
    if (errors_.run(body)) return;
    if (errors_.unsupported())
      throw_unsupported(file_, std::string("an unusual JPEG: ") + errors_.reason(), kConvertHint);
    throw_damaged(file_, "JPEG", errors_.reason());
  }

  void read_rgb(Image& image) {
    run([&] {
      while (codec_.output_scanline < codec_.output_height) {
        JSAMPROW row = image.row(static_cast<int>(codec_.output_scanline));
        jpeg_read_scanlines(&codec_, &row, 1);
      }
    });
  }

  void read_cmyk(Image& image) {
    std::vector<std::uint8_t> cmyk(static_cast<std::size_t>(image.width) * 4);
    run([&] {
      for (int y = 0; y < image.height; ++y) {
        JSAMPROW row = cmyk.data();
        jpeg_read_scanlines(&codec_, &row, 1);
        inverted_cmyk_to_rgb(row, image.width, image.row(y));
      }
    });
  }

  // cmyk [width, 4], 255 is no ink -> rgb [width, 3]: paper that lets through c of red and k of
  // all, so c x k / 255. Rounded as Pillow does: up from the ink's side.
  static void inverted_cmyk_to_rgb(const std::uint8_t* cmyk, int width, std::uint8_t* rgb) {
    for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3)
      for (int c = 0; c < 3; ++c)
        rgb[c] = static_cast<std::uint8_t>(cmyk[3] - ((255 - cmyk[c]) * cmyk[3] + 127) / 255);
  }

  const ImageFile& file_;
  JpegErrors errors_;
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct codec_{};
};

}  // namespace

Image decode_jpeg(const ImageFile& file, const ChooseScale& scale) {
  return JpegReader(file).read(scale);
}

}  // namespace shoplens
