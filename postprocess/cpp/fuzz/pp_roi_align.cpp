#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t channels = input.size(3), height = input.size(10), width = input.size(10);
    const std::size_t count = input.size(4), rows = input.size(8), columns = input.size(8);
    const auto boxes = input.values(product({count, 4}));
    const auto feature = input.values(product({channels, height, width}));
    std::vector<float> regions(product({count, channels, rows, columns}));
    pp_roi_align(feature.data(), channels, height, width, boxes.data(), count, rows, columns,
                 regions.data(), regions.size());
    return 0;
}
