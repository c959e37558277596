#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t count = input.size(20);
    const auto height = input.value<std::size_t>(), width = input.value<std::size_t>();
    const auto boxes = input.values(product({count, 4}));
    std::vector<float> clipped(boxes.size());
    pp_clip_boxes(boxes.data(), count, height, width, clipped.data(), clipped.size());
    return 0;
}
