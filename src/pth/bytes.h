// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/error.h"

namespace shoplens {

/// Reads little-endian numbers off untrusted bytes. Throws kCorrupt that names the file at the end
/// of them.
class ByteReader {
 public:
  ByteReader(std::string_view bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {}

  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size() - at_)
      corrupt("want ", count, " bytes at ", at_, ", got ", bytes_.size() - at_);
    const std::string_view taken = bytes_.substr(at_, count);
    at_ += count;
    return taken;
  }
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view line() {  // up to and without the next LF
    const std::size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) corrupt("want a line at ", at_, ", got no end of it");
    const std::string_view text = bytes_.substr(at_, end - at_);
    at_ = end + 1;
    return text;
  }
  void seek(std::uint64_t to) {
    if (to > bytes_.size()) corrupt("want a position up to ", bytes_.size(), ", got ", to);
    at_ = to;
  }
  std::uint64_t at() const { return at_; }
  std::uint64_t left() const { return bytes_.size() - at_; }
  const std::string& name() const { return name_; }

  template <class... Parts>
  [[noreturn]] void corrupt(const Parts&... parts) const {
    throw Error(ErrorCode::kCorrupt,
                join("not a PyTorch checkpoint: ", parts..., " (", name_, ")"));
  }

 private:
  std::string_view bytes_;
  std::string name_;
  std::uint64_t at_ = 0;
};

}  // namespace shoplens
