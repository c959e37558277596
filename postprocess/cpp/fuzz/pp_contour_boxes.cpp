#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t count = input.size(10), points = input.size(10);
    const auto contours = input.values(product({count, points, 2}));
    std::vector<float> boxes(product({count, 4}));
    pp_contour_boxes(contours.data(), count, points, boxes.data(), boxes.size());
    return 0;
}
