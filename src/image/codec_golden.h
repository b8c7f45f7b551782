// SPDX-License-Identifier: Apache-2.0
// The goldens of tools/make_image_goldens.py, for the tests of this folder.
#pragma once
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "core/files.h"
#include "image/image.h"

namespace shoplens {

inline std::string codec_golden(const std::string& name) {
  return read_file(std::string(SHOPLENS_SOURCE_DIR "/tests/golden/image/codec/") + name);
}

/// A picture of `width` x `height` from the RGB bytes at `offset`.
inline Image image_from(const std::string& rgb, std::size_t offset, int width, int height) {
  Image image(width, height);
  if (offset + image.pixels.size() > rgb.size()) throw std::out_of_range("golden is too short");
  std::memcpy(image.pixels.data(), rgb.data() + offset, image.pixels.size());
  return image;
}

struct CodecCase {
  std::string file;
  Image expected;  // upright
};

inline std::vector<CodecCase> codec_cases() {
  std::vector<CodecCase> cases;
  const std::string rgb = codec_golden("expected.rgb");
  std::istringstream lines(codec_golden("cases.txt"));
  std::size_t offset = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string file;
    int width = 0, height = 0;
    words >> file >> width >> height;
    cases.push_back({file, image_from(rgb, offset, width, height)});
    offset += cases.back().expected.pixels.size();
  }
  return cases;
}

}  // namespace shoplens
