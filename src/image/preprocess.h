// SPDX-License-Identifier: Apache-2.0
// From a decoded picture to a network's input. The one place that does it: training, embed, predict
// and every server call these functions, so a photo gives the same tensor to the bit everywhere.
#pragma once
#include <array>
#include <string>

#include "image/image.h"
#include "image/resize.h"

namespace shoplens {

/// How a picture is brought to size x size.
enum class Fit {
  kSquash,     // resized to size x size, the aspect ratio given up (timm crop_mode "squash")
  kCrop,       // the shortest side resized to floor(size / crop_pct), then the centre crop (timm
               // "center")
  kLetterbox,  // resized to fit inside, the rest filled with the mean colour (timm "border")
};

/// How a JPEG that is larger than the network's input is decoded.
enum class Decode {
  kFull,   // whole
  kDraft,  // at 1/2, 1/4 or 1/8 where that is at least twice what it is resized to: other pixels,
           // in half the time (Pillow: Image.draft)
};

inline constexpr std::array<float, 3> kImageNetMean{0.485f, 0.456f, 0.406f},
    kImageNetStd{0.229f, 0.224f, 0.225f};
inline constexpr std::array<float, 3> kInceptionMean{0.5f, 0.5f, 0.5f},
    kInceptionStd{0.5f, 0.5f, 0.5f};

/// A model's eval preprocessing; kept in model.onnx's metadata.
struct Preprocessing {
  int size = 224;
  Fit fit = Fit::kSquash;
  double crop_pct = 0.875;  // read by kCrop only
  Interpolation interpolation = Interpolation::kBicubic;
  Decode decode = Decode::kFull;
  std::array<float, 3> mean = kImageNetMean, std = kImageNetStd;
  bool operator==(const Preprocessing&) const = default;
};

const char* to_string(Fit fit);                      // "squash", "crop", "letterbox"
const char* to_string(Interpolation interpolation);  // "bilinear", "bicubic"
const char* to_string(Decode decode);                // "full", "draft"
Fit fit_from_string(const std::string& word);        // throw kBadInput for any other word
Interpolation interpolation_from_string(const std::string& word);
Decode decode_from_string(const std::string& word);

/// What a command may change of a backbone's own preprocessing; 0 or empty keeps it.
struct PreprocessingOptions {
  int img_size = 0;
  std::string fit{}, interpolation{}, decode{};

  template <class V>
  void visit(V& v) {
    v(img_size, "img-size", "side of the network's input, pixels; 0: the backbone's own");
    v(fit, "fit", "how a photo is brought to that size; empty: the backbone's own",
      {"", "squash", "crop", "letterbox"});
    v(interpolation, "interpolation", "resize filter; empty: the backbone's own",
      {"", "bilinear", "bicubic"});
    v(decode, "decode",
      "draft: a JPEG of many pixels is decoded smaller, in half the time; empty: full",
      {"", "full", "draft"});
  }
  Preprocessing apply(Preprocessing own) const;
};

/// What part of a JPEG of width x height (upright) is decoded, as ChooseScale says it: 1 in full.
/// In draft the smallest 1/s of which both sides are at least 2 s times what fit_image resizes to.
/// Source: Pillow JpegImagePlugin.py, draft, with thumbnail's reducing_gap of 2. Throws as
/// fit_image.
int decode_scale(int width, int height, const Preprocessing& preprocessing);

/// The picture brought to size x size, still 8-bit, equal to the bit to timm's eval transforms on
/// Pillow images (squash and letterbox: theirs at crop_pct 1). Throws kBadInput for an empty
/// picture, a size below 1 or a crop_pct outside (0, 1]. Source: timm data/transforms_factory.py,
/// transforms_imagenet_eval.
Image fit_image(const Image& image, const Preprocessing& preprocessing);

/// (pixel / 255 - mean) / std, planes in R, G, B order: image [H, W, 3] -> out [3, H, W]. Each of
/// the three operations is rounded to float, as torchvision's ToTensor and Normalize do it: equal
/// to them to the bit.
void normalize(const Image& image, const Preprocessing& preprocessing, float* out);

/// A part of a picture: edges as fractions of its width and height.
struct Region {
  double left = 0, top = 0, right = 1, bottom = 1;
};

/// What of a picture of width x height fit_image brings to the network; letterboxed, it is more
/// than the picture: edges below 0 and above 1.
Region fitted_region(int width, int height, const Preprocessing& preprocessing);

/// normalize(fit_image(image)): out [3, size, size].
void preprocess(const Image& image, const Preprocessing& preprocessing, float* out);

}  // namespace shoplens
