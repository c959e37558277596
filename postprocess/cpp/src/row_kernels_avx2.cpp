// Row kernels for AVX2; CMake compiles this file alone with it, and it is called where the CPU has
// it.
#include "row_kernels_body.h"

namespace pp {

const RowKernels avx2_row_kernels = {summary, raise_row, peak_columns, find, add_bytes, weigh};

}  // namespace pp
