// Row kernels for whatever the compiler targets by default (SSE2, NEON or scalar).
#include "row_kernels_body.h"

namespace pp {

const RowKernels portable_row_kernels = {summary, raise_row,  peak_columns, find,    add_bytes,
                                         weigh,   interleave, blend,        warp_row};

}  // namespace pp
