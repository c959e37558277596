#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t channels = input.size(70), height = input.size(9), width = input.size(20);
    const std::size_t count = input.size(40);
    const bool align_corners = input.flag();
    const auto feature = input.values(product({channels, height, width}));
    const auto points = input.values(product({count, 2}));
    std::vector<float> values(product({count, channels}));
    pp_sample(feature.data(), channels, height, width, points.data(), count, align_corners,
              values.data(), values.size());
    return 0;
}
