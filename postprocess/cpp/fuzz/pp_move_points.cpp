#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    pp_affine matrix;
    for (double& value : matrix.m) value = input.value<double>();
    const std::size_t count = input.size(20);
    const auto points = input.values(product({count, 2}));
    std::vector<float> moved(points.size());
    pp_move_points(points.data(), count, &matrix, moved.data(), moved.size());
    return 0;
}
