// Row kernels for AVX2 and FMA; CMake compiles this file alone with them, and it is called where
// the CPU has both.
#include "row_kernels_body.h"

namespace pp {

const RowKernels avx2_row_kernels = {summary, raise_row,  peak_columns, find,    add_bytes,
                                     weigh,   interleave, blend,        warp_row};

}  // namespace pp
