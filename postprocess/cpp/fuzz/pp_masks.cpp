#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t count = input.size(3), points = input.size(12);
    const std::size_t height = input.size(20), width = input.size(20);
    const auto contours = input.values(product({count, points, 2}));
    std::vector<std::uint8_t> masks(product({count, height, width}));
    const pp_status status =
        pp_masks(contours.data(), count, points, height, width, masks.data(), masks.size());
    if (status != PP_OK) return 0;
    for (const std::uint8_t pixel : masks) promise(pixel <= 1);
    return 0;
}
