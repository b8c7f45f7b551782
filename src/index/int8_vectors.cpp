// SPDX-License-Identifier: Apache-2.0
#include "index/int8_vectors.h"

#include <cpuid.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>

#include "core/error.h"
#include "index/inner_product.h"

namespace shoplens {
namespace {

constexpr int kStrands = 8;
typedef float Floats __attribute__((vector_size(kStrands * sizeof(float))));
typedef double Doubles __attribute__((vector_size(kStrands * sizeof(double))));
typedef std::int32_t Int32s __attribute__((vector_size(kStrands * sizeof(std::int32_t))));
typedef std::int8_t Bytes __attribute__((vector_size(kStrands)));

constexpr double kWhole = 0x1.8p52;  // a float64 of that size has no fraction

// Below it a float's steps are too coarse for codes to stay in their range; all of the vector is
// rest.
constexpr float kSmallestScale = 1e-36f;

// A float no less than x, whatever was lost on the way to it.
float round_up(double x) {
  return std::nextafter(static_cast<float>(x * (1 + 1e-6)), std::numeric_limits<float>::infinity());
}

struct Encoded {
  float scale;
  double rest, norm;  // lengths of vector - scale * codes, and of the vector
};

double sum_of(const Doubles& strands) {
  double sum = 0;
  for (int s = 0; s < kStrands; ++s) sum += strands[s];
  return sum;
}

// Codes [dim rounded up to kStrands, at least] of vector * factor; those behind dim are 0. Vectors
// that the compiler makes of these make a search's own work small beside its scan.
Encoded encode_components(const float* vector, int dim, double factor, int max_code,
                          std::int8_t* codes) {
  float largest = 0;
  for (int j = 0; j < dim; ++j) largest = std::max(largest, std::abs(vector[j]));
  auto scale = static_cast<float>(largest * factor / max_code);
  if (scale < kSmallestScale) scale = 0;
  const double inverse = scale > 0 ? 1 / double{scale} : 0;
  Doubles rest = {}, norm = {};
  for (int j = 0; j < dim; j += kStrands) {
    Floats components = {};
    if (j + kStrands <= dim)
      std::memcpy(&components, vector + j, sizeof components);
    else
      std::memcpy(&components, vector + j, sizeof(float) * static_cast<std::size_t>(dim - j));
    const Doubles x = __builtin_convertvector(components, Doubles) * factor;
    const Doubles code = x * inverse + kWhole - kWhole;  // the nearest whole numbers
    const Doubles left = x - code * double{scale};
    rest += left * left;
    norm += x * x;
    const auto bytes = __builtin_convertvector(__builtin_convertvector(code, Int32s), Bytes);
    std::memcpy(codes + j, &bytes, sizeof bytes);
  }
  return {scale, std::sqrt(sum_of(rest)), std::sqrt(sum_of(norm))};
}

bool has_avx_vnni() {  // Clang 14's __builtin_cpu_supports does not know of it
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1) != 0;
}

int groups_of(int dim) { return (dim + kInt8Group - 1) / kInt8Group; }

}  // namespace

Int8Vectors::Int8Vectors(int dim) : dim_(dim), groups_(groups_of(dim)) {
  check(dim > 0 && dim <= kMaxDim, "index: want dim from 1 to ", kMaxDim, ", got ", dim);
}

std::int64_t Int8Vectors::panel_size(std::int64_t panel) const {
  return std::min<std::int64_t>(kInt8Panel, size_ - panel * kInt8Panel);
}

Int8Panel Int8Vectors::panel(std::int64_t panel) const {
  const auto first = static_cast<std::size_t>(panel * kInt8Panel);
  return {lines_[static_cast<std::size_t>(panel * groups_ * kInt8Group)].codes, &scale_[first],
          &error_[first], max_norm_[static_cast<std::size_t>(panel)]};
}

std::int64_t Int8Vectors::byte_at(std::int64_t row, int group) const {
  return ((row / kInt8Panel * groups_ + group) * kInt8Panel + row % kInt8Panel) * kInt8Group;
}

std::uint8_t* Int8Vectors::codes_at(std::int64_t row, int group) {
  const std::int64_t byte = byte_at(row, group);
  return lines_[static_cast<std::size_t>(byte / 64)].codes + byte % 64;
}

const std::uint8_t* Int8Vectors::codes_at(std::int64_t row, int group) const {
  const std::int64_t byte = byte_at(row, group);
  return lines_[static_cast<std::size_t>(byte / 64)].codes + byte % 64;
}

void Int8Vectors::encode(const float* vector, std::int64_t row) {
  std::vector<std::int8_t> codes(static_cast<std::size_t>(dim_ + kStrands));
  const Encoded encoded = encode_components(vector, dim_, 1, 127, codes.data());
  for (int group = 0; group < groups_; ++group)
    for (int j = 0; j < kInt8Group; ++j)
      codes_at(row, group)[j] =
          static_cast<std::uint8_t>(codes[static_cast<std::size_t>(group * kInt8Group + j)] + 128);
  scale_[static_cast<std::size_t>(row)] = encoded.scale;
  error_[static_cast<std::size_t>(row)] = round_up(encoded.rest);
  // One float a panel, not a vector: those of a gallery are all of length 1.
  float& norm = max_norm_[static_cast<std::size_t>(row / kInt8Panel)];
  norm = std::max(norm, round_up(encoded.norm + encoded.rest));
}

// Places that were not there are as zero vectors.
void Int8Vectors::resize(std::int64_t size) {
  size_ = size;
  Line zeros;
  std::fill(std::begin(zeros.codes), std::end(zeros.codes), std::uint8_t{128});
  lines_.resize(static_cast<std::size_t>(panels() * groups_ * kInt8Group), zeros);
  scale_.resize(static_cast<std::size_t>(panels() * kInt8Panel));
  error_.resize(static_cast<std::size_t>(panels() * kInt8Panel));
  max_norm_.resize(static_cast<std::size_t>(panels()));
}

void Int8Vectors::reserve(std::int64_t size) {
  const auto count = static_cast<std::size_t>((size + kInt8Panel - 1) / kInt8Panel);
  lines_.reserve(count * static_cast<std::size_t>(groups_ * kInt8Group));
  scale_.reserve(count * kInt8Panel);
  error_.reserve(count * kInt8Panel);
  max_norm_.reserve(count);
}

void Int8Vectors::append(std::span<const float> vectors) {
  const std::int64_t first = size_, count = static_cast<std::int64_t>(vectors.size()) / dim_;
  resize(first + count);
  for (std::int64_t i = 0; i < count; ++i) encode(vectors.data() + i * dim_, first + i);
}

void Int8Vectors::replace(std::int64_t row, const Int8Vectors& source, std::int64_t source_row) {
  const auto to = static_cast<std::size_t>(row), from = static_cast<std::size_t>(source_row);
  for (int group = 0; group < groups_; ++group)
    std::copy_n(source.codes_at(source_row, group), kInt8Group, codes_at(row, group));
  scale_[to] = source.scale_[from];
  error_[to] = source.error_[from];
  float& norm = max_norm_[to / kInt8Panel];
  norm = std::max(norm, source.max_norm_[from / kInt8Panel]);
}

void Int8Vectors::pop_back() {
  const std::int64_t last = size_ - 1;
  for (int group = 0; group < groups_; ++group)
    std::fill_n(codes_at(last, group), kInt8Group, std::uint8_t{128});
  scale_[static_cast<std::size_t>(last)] = error_[static_cast<std::size_t>(last)] = 0;
  resize(last);
}

Int8Queries::Int8Queries(std::span<const float> queries, int dim, const Int8Kernel& kernel) {
  const std::size_t count = queries.size() / static_cast<std::size_t>(dim);
  const std::size_t width = static_cast<std::size_t>(groups_of(dim)) * kInt8Group;
  codes_.resize(count * width + kStrands);  // the last is written in whole strands
  for (std::size_t i = 0; i < count; ++i) {
    const float* const query = queries.data() + i * static_cast<std::size_t>(dim);
    const double squares = inner_product(query, query, dim);
    const double factor = squares > 0 ? 1 / std::sqrt(squares) : 1;
    std::int8_t* const codes = codes_.data() + i * width;
    const Encoded encoded = encode_components(query, dim, factor, kernel.max_query_code, codes);
    std::int32_t sum = 0;
    for (std::size_t j = 0; j < width; ++j) sum += codes[j];
    // 1e-6: the kernel rounds four times in float32, 6e-8 each of at most (1 + error) |x|.
    queries_.push_back({codes, 128 * sum, encoded.scale, round_up(encoded.rest + 1e-6),
                        -std::numeric_limits<float>::infinity(), factor});
  }
}

std::vector<const Int8Kernel*> supported_int8_kernels() {
  std::vector<const Int8Kernel*> kernels{&kInt8Baseline};
  if (__builtin_cpu_supports("avx2")) kernels.push_back(&kInt8Avx2);
  if (__builtin_cpu_supports("avx2") && has_avx_vnni()) kernels.push_back(&kInt8AvxVnni);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vnni"))
    kernels.push_back(&kInt8Avx512Vnni);
  return kernels;
}

}  // namespace shoplens
