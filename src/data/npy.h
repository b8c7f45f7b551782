// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy file, format 1.0, of a C-order float32 matrix. Source: numpy/lib/format.py
// (docstring) of NumPy.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/files.h"

namespace shoplens {

/// The 128 bytes before the data of a [rows, dim] matrix, which is little-endian float32.
std::string npy_header(std::int64_t rows, int dim);

/// Writes a matrix row by row; how many rows there are need not be known before the end. The file
/// appears, whole, with commit(). 128 bytes of header, then little-endian float32.
class NpyWriter {
 public:
  NpyWriter(std::filesystem::path path, int dim);
  void append(std::span<const float> rows);  // [n, dim]
  std::int64_t rows() const { return rows_; }
  void commit();  // throws kIo

 private:
  AtomicFile file_;
  int dim_;
  std::int64_t rows_ = 0;
};

/// NpyWriter in one call: values [n, dim].
void write_npy(const std::filesystem::path& path, std::span<const float> values, int dim);

struct NpyMatrix {
  std::int64_t rows = 0, dim = 0;
  std::vector<float> values;  // [rows, dim]
};

/// Reads a two-dimensional C-order float32 ("<f4") .npy of format 1.0 to 3.0, as NumPy writes it.
/// Throws, naming the file: kNotFound; kCorrupt for what is not .npy, a header that does not parse,
/// or data shorter or longer than the shape; kUnsupported for another type, order or number of
/// dimensions.
NpyMatrix read_npy(const std::filesystem::path& path);

}  // namespace shoplens
