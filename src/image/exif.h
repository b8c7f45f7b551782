// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string_view>

#include "image/image.h"

namespace shoplens {

/// What stands before the TIFF header in a JPEG's APP1 marker.
inline constexpr std::string_view kExifPrefix{"Exif\0\0", 6};

/// The orientation (tag 0x0112 of the first directory) in EXIF data that starts at its TIFF header:
/// 1 to 8. Absent, damaged or out of range is 1: a photo is never lost for its metadata. Source:
/// Exif 2.32 section 4.6.4, TIFF 6.0 section 2.
int exif_orientation(std::string_view tiff);

/// The picture turned and mirrored so that one stored with this EXIF orientation (1 to 8) stands
/// upright; from 5 on its sides change places.
Image orient(Image image, int orientation);

}  // namespace shoplens
