#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t count = input.size(4), points = input.size(20);
    const auto contours = input.values(product({count, points, 2}));
    std::vector<float> moved(contours.size());
    pp_canonical_contours(contours.data(), count, points, moved.data(), moved.size());
    return 0;
}
