// SPDX-License-Identifier: Apache-2.0
// Names products in photos from within a C++20 program:
//
//   const shoplens::v1::Recognizer recognizer("gallery.db");
//   const auto answer = recognizer.recognize_file("photo.jpg");
//   std::cout << (answer.unknown ? "unknown" : answer.label) << '\n';
//
// The gallery is made and kept up to date by the program `shoplens` (index build, index add, ...).
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#define SHOPLENS_API __attribute__((visibility("default")))

namespace shoplens::v1 {

enum class ErrorCode { kBadInput, kNotFound, kCorrupt, kUnsupported, kIo, kInternal };

/// What went wrong: what() says what was wanted and what was got, hint() what to do next (empty if
/// there is nothing to advise). kInternal is our own bug; the others are in what was given.
class SHOPLENS_API Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, std::string hint);
  ErrorCode code() const { return code_; }
  const std::string& hint() const { return hint_; }

 private:
  ErrorCode code_;
  std::string hint_;
};

struct Options {
  std::vector<std::filesystem::path> models{};  // the gallery's model.onnx, all of them in its
                                                // order; none: where the gallery finds them
  std::string device = "CPU";                   // an OpenVINO device
  std::string precision = "auto";  // of the network: "f32", "bf16", or bf16 where the CPU has it
  int threads = 0;      // to decode with, and as many for the network; 0: the cores there are
  int streams = 1;      // network calls side by side, on threads / streams threads each: 1 answers
                        // one photo soonest, one a core gets most photos through
  int batch_size = 16;  // photos in one network call of recognize_all and recognize_files
  int top = 5;          // neighbours in an answer
};

/// A photo of the gallery that looks like the one asked about.
struct Neighbour {
  std::int64_t id = 0;      // the gallery's, never used twice
  std::string label, path;  // path: as it was added
  float score = 0;          // cosine, at most 1
};

struct Answer {
  std::string label;  // the product
  double score = 0;   // of the decision: a cosine, or the label's share of the votes
  std::optional<double> probability{};  // that the label is right, 0 to 1; only of a gallery that
                                        // `shoplens calibrate` has seen
  bool unknown = false;  // rather none of the gallery's products; false without a calibration
  std::vector<Neighbour> neighbours{};  // best first, at most Options::top
};

/// Of one photo among many: one that cannot be read harms no other.
using Outcome = std::variant<Answer, Error>;

/// Names products by the photos of a gallery, as it is when this is made: make another to see later
/// changes. Every function may be called by several threads at once. Photos are JPEG, PNG or WebP
/// of at most 64 MiB and 100 megapixels; they are turned upright as their EXIF says.
class SHOPLENS_API Recognizer {
 public:
  /// Opens the gallery and its networks. Throws Error: kNotFound when a file is absent, kBadInput
  /// for an empty gallery, another network's or a bad option, kCorrupt for a damaged file.
  explicit Recognizer(const std::filesystem::path& gallery, const Options& options = {});
  ~Recognizer();
  Recognizer(Recognizer&&) noexcept;
  Recognizer& operator=(Recognizer&&) noexcept;

  /// Whether answers have a probability and may be "unknown".
  bool calibrated() const;

  /// An image file's bytes. Throws Error: kBadInput, kCorrupt or kUnsupported when they are no
  /// sound image.
  Answer recognize(std::string_view photo) const;
  Answer recognize(std::span<const std::byte> photo) const;
  /// Throws the same, and kNotFound or kIo.
  Answer recognize_file(const std::filesystem::path& photo) const;

  /// Many photos [n] -> n outcomes in their order: decoded on all threads while the network runs.
  std::vector<Outcome> recognize_all(std::span<const std::string_view> photos) const;
  std::vector<Outcome> recognize_files(std::span<const std::filesystem::path> photos) const;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

}  // namespace shoplens::v1
