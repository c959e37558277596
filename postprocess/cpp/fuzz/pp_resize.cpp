#include <algorithm>

#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t batch = input.size(2), height = input.size(40), width = input.size(12);
    const std::size_t to_height = input.size(40), to_width = input.size(12);
    const auto images = input.values<std::uint8_t>(product({batch, height, width, 3}));
    std::vector<std::uint8_t> resized(product({batch, to_height, to_width, 3}));
    const pp_status status = pp_resize(images.data(), batch, height, width, to_height, to_width,
                                       resized.data(), resized.size());
    if (status != PP_OK || images.empty()) return 0;
    const auto range = std::minmax_element(images.begin(), images.end());
    for (const std::uint8_t value : resized)
        promise(value >= *range.first && value <= *range.second);
    return 0;
}
