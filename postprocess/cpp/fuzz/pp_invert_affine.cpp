#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    pp_affine matrix, inverse;
    for (double& value : matrix.m) value = input.value<double>();
    if (pp_invert_affine(&matrix, &inverse) != PP_OK) return 0;
    for (const double value : inverse.m) promise(value - value == 0.0);
    return 0;
}
