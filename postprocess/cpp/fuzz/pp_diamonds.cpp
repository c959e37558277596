#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t count = input.size(20);
    const auto boxes = input.values(product({count, 4}));
    std::vector<float> diamonds(product({count, 8}));
    pp_diamonds(boxes.data(), count, diamonds.data(), diamonds.size());
    return 0;
}
