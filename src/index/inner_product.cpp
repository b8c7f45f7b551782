// SPDX-License-Identifier: Apache-2.0
#include "index/inner_product.h"

#include <cstring>

namespace shoplens {

double inner_product(const float* a, const float* b, int dim) {
  constexpr int kStrands = 8;
  typedef float Floats __attribute__((vector_size(kStrands * sizeof(float))));
  typedef double Doubles __attribute__((vector_size(kStrands * sizeof(double))));
  Doubles strands = {};
  int j = 0;
  for (; j + kStrands <= dim; j += kStrands) {
    Floats x, y;
    std::memcpy(&x, a + j, sizeof x);
    std::memcpy(&y, b + j, sizeof y);
    strands += __builtin_convertvector(x, Doubles) * __builtin_convertvector(y, Doubles);
  }
  for (int s = 0; j < dim; ++j, ++s) strands[s] += double{a[j]} * b[j];
  double sum = 0;
  for (int s = 0; s < kStrands; ++s) sum += strands[s];
  return sum;
}

}  // namespace shoplens
