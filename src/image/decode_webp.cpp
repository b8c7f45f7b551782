// SPDX-License-Identifier: Apache-2.0
#include "image/decode_webp.h"

#include <webp/decode.h>
#include <webp/demux.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "image/exif.h"

namespace shoplens {
namespace {

const std::uint8_t* data_of(const ImageFile& file) {
  return reinterpret_cast<const std::uint8_t*>(file.bytes.data());
}

WebPData webp_data(const ImageFile& file) { return {data_of(file), file.bytes.size()}; }

void check_status(const ImageFile& file, VP8StatusCode status) {
  if (status == VP8_STATUS_OK) return;
  const bool ended = status == VP8_STATUS_NOT_ENOUGH_DATA || status == VP8_STATUS_SUSPENDED;
  throw_damaged(file, "WebP", ended ? "the file ends too early" : "its data is not valid");
}

// Decodes the single picture of the file into `pixels`, whose row is `stride` bytes.
void decode_still(const ImageFile& file, WEBP_CSP_MODE mode, std::uint8_t* pixels, int stride,
                  std::size_t size) {
  WebPDecoderConfig config;
  WebPInitDecoderConfig(&config);
  config.output.colorspace = mode;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {pixels, stride, size};
  const VP8StatusCode status = WebPDecode(data_of(file), file.bytes.size(), &config);
  WebPFreeDecBuffer(&config.output);
  check_status(file, status);
}

Image decode_first_frame(const ImageFile& file, int width, int height) {
  const WebPData data = webp_data(file);
  const std::unique_ptr<WebPAnimDecoder, void (*)(WebPAnimDecoder*)> decoder(
      WebPAnimDecoderNew(&data, nullptr), WebPAnimDecoderDelete);
  std::uint8_t* rgba = nullptr;  // the decoder's own canvas
  int milliseconds = 0;
  if (decoder == nullptr || !WebPAnimDecoderGetNext(decoder.get(), &rgba, &milliseconds))
    throw_damaged(file, "WebP", "its animation cannot be read");
  return over_white(rgba, width, height);
}

int orientation(const ImageFile& file) {
  const WebPData data = webp_data(file);
  const std::unique_ptr<WebPDemuxer, void (*)(WebPDemuxer*)> demuxer(WebPDemux(&data),
                                                                     WebPDemuxDelete);
  WebPChunkIterator chunk;
  if (demuxer == nullptr || !WebPDemuxGetChunk(demuxer.get(), "EXIF", 1, &chunk)) return 1;
  std::string_view exif(reinterpret_cast<const char*>(chunk.chunk.bytes), chunk.chunk.size);
  if (exif.starts_with(kExifPrefix))
    exif.remove_prefix(kExifPrefix.size());  // not in the format, but written
  const int result = exif_orientation(exif);
  WebPDemuxReleaseChunkIterator(&chunk);
  return result;
}

// The picture as RGB; before it is turned, RGBA and the alpha before it (of an animation two
// canvases and a frame), and what a lossless one is decoded into.
std::uint64_t bytes_per_pixel(const WebPBitstreamFeatures& features, int turned) {
  constexpr int kLossless = 2;  // of `format`; 0: mixed, as in an animation
  const int decoding = (features.has_animation ? 12
                        : features.has_alpha   ? 5
                                               : 0) +
                       (features.format == kLossless ? 4 : 0);
  return 3 + static_cast<std::uint64_t>(std::max(decoding, turned == 1 ? 0 : 3));
}

Image decode_as_stored(const ImageFile& file, const WebPBitstreamFeatures& features) {
  const int width = features.width, height = features.height;
  if (features.has_animation) return decode_first_frame(file, width, height);
  if (features.has_alpha) {
    std::vector<std::uint8_t> rgba(static_cast<std::size_t>(width) * height * 4);
    decode_still(file, MODE_RGBA, rgba.data(), width * 4, rgba.size());
    return over_white(rgba.data(), width, height);
  }
  Image image(width, height);
  decode_still(file, MODE_RGB, image.pixels.data(), width * 3, image.pixels.size());
  return image;
}

}  // namespace

Image decode_webp(const ImageFile& file) {
  WebPBitstreamFeatures features;
  check_status(file, WebPGetFeatures(data_of(file), file.bytes.size(), &features));
  const int turned = orientation(file);
  const auto width = static_cast<std::uint64_t>(features.width),
             height = static_cast<std::uint64_t>(features.height);
  check_size(file, width, height);
  announce_memory(file, width * height * bytes_per_pixel(features, turned));
  return orient(decode_as_stored(file, features), turned);
}

}  // namespace shoplens
