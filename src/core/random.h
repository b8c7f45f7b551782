// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <initializer_list>
#include <utility>

namespace shoplens {

/// A random stream chosen by its keys alone, e.g. (seed, epoch, sample): whichever thread draws
/// from it, the numbers are the same, on every machine. SplitMix64 (Steele, Lea, Flood 2014,
/// doi:10.1145/2660193.2660195).
class Random {
 public:
  explicit Random(std::initializer_list<std::uint64_t> keys) {
    for (const std::uint64_t key : keys) state_ = mix((state_ + kGamma) ^ mix(key + kGamma));
  }
  std::uint64_t next() { return mix(state_ += kGamma); }
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }          // [0, 1)
  double uniform(double low, double high) { return low + (high - low) * uniform(); }  // [low, high)
  bool chance(double p) { return uniform() < p; }
  int integer(int low, int high) {  // low..high, both in
    return static_cast<int>(
        low + static_cast<std::int64_t>(uniform() * (static_cast<double>(high) - low + 1)));
  }
  template <class Iterator>
  void shuffle(Iterator first, Iterator last) {  // Fisher-Yates
    for (auto n = last - first; n > 1; --n)
      std::swap(first[n - 1], first[static_cast<decltype(n)>(uniform() * static_cast<double>(n))]);
  }

 private:
  static constexpr std::uint64_t kGamma = 0x9e3779b97f4a7c15;
  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint64_t state_ = 0;
};

}  // namespace shoplens
