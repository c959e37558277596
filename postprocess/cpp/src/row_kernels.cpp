// Which row kernels this machine runs.
#include "row_kernels.h"

namespace pp {

const RowKernels& row_kernels() noexcept {
#ifdef POSTPROCESS_HAVE_AVX2
    static const bool has_both = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (has_both) return avx2_row_kernels;
#endif
    return portable_row_kernels;
}

}  // namespace pp
