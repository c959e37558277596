#include <algorithm>

#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t batch = input.size(2), height = input.size(12), width = input.size(12);
    const std::size_t to_height = input.size(16), to_width = input.size(16);
    pp_affine matrix;
    const bool small = input.flag();
    for (double& term : matrix.m) {
        term = small ? static_cast<double>(input.value<std::int16_t>()) / 256.0
                     : input.value<double>();
    }
    const auto images = input.values<std::uint8_t>(product({batch, height, width, 3}));
    std::vector<std::uint8_t> warped(product({batch, to_height, to_width, 3}));
    const pp_status status = pp_warp(images.data(), batch, height, width, &matrix, to_height,
                                     to_width, warped.data(), warped.size());
    if (status != PP_OK || images.empty()) return 0;
    const std::uint8_t brightest = *std::max_element(images.begin(), images.end());
    for (const std::uint8_t value : warped) promise(value <= brightest);
    return 0;
}
