// SPDX-License-Identifier: Apache-2.0
#include "image/format.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace shoplens {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::size_t at;
  std::string_view bytes;
  ForeignFormat format;
};

constexpr Signature kSignatures[] = {
    {0, "GIF8"sv, {"GIF", true}},
    {0, "II*\0"sv, {"TIFF", true}},
    {0, "MM\0*"sv, {"TIFF", true}},
    {4, "ftypavif"sv, {"AVIF", true}},
    {4, "ftypavis"sv, {"AVIF", true}},
    {4, "ftyphei"sv, {"HEIC", true}},
    {4, "ftyphev"sv, {"HEIC", true}},
    {4, "ftypmif1"sv, {"HEIC", true}},
    {4, "ftypmsf1"sv, {"HEIC", true}},
    {4, "ftyp"sv, {"a video (MP4)", false}},
    {0, "\0\0\0\x0cJXL \r\n"sv, {"JPEG XL", true}},
    {0, "\xff\x0a"sv, {"JPEG XL", true}},
    {0, "\0\0\0\x0cjP  "sv, {"JPEG 2000", true}},
    {0, "\xff\x4f\xff\x51"sv, {"JPEG 2000", true}},
    {0, "8BPS"sv, {"Photoshop (PSD)", true}},
    {0, "%PDF-"sv, {"PDF", true}},
    {0, "PK\x03\x04"sv, {"a ZIP archive", false}},
    {6, "\0\0\0\0"sv, {"BMP", true}},  // and starts with BM
};

bool has(std::string_view bytes, std::size_t at, std::string_view part) {
  return bytes.size() >= at && bytes.substr(at).starts_with(part);
}

bool is_text(std::string_view bytes) {
  return !bytes.empty() && std::all_of(bytes.begin(), bytes.end(), [](unsigned char c) {
    return c >= 0x20 ? c != 0x7f : c == '\t' || c == '\n' || c == '\r' || c == '\f';
  });
}

ForeignFormat text_format(std::string_view start) {
  std::string lower(start);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (lower.find("<!doctype html") != std::string::npos || lower.find("<html") != std::string::npos)
    return {"a web page (HTML)", false};
  if (lower.find("<svg") != std::string::npos) return {"SVG", true};
  return {"text", false};
}

}  // namespace

ImageFormat image_format(std::string_view bytes) {
  if (bytes.starts_with("\xff\xd8\xff")) return ImageFormat::kJpeg;
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return ImageFormat::kPng;
  if (bytes.starts_with("RIFF") && has(bytes, 8, "WEBP")) return ImageFormat::kWebp;
  return ImageFormat::kOther;
}

std::optional<ForeignFormat> foreign_format(std::string_view bytes) {
  // Two letters say little, so a BMP is "BM" and its four reserved zeros.
  const bool bm = bytes.starts_with("BM");
  for (const Signature& s : kSignatures)
    if (has(bytes, s.at, s.bytes) && (bm || s.format.name != "BMP"sv)) return s.format;
  const std::string_view start = bytes.substr(0, 512);
  if (is_text(start)) return text_format(start);
  return std::nullopt;
}

}  // namespace shoplens
