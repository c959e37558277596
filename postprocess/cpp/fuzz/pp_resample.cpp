#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t batch = input.size(3), vertices = input.size(20), count = input.size(40);
    const auto polygons = input.values(product({batch, vertices, 2}));
    std::vector<float> points(product({batch, count, 2}));
    pp_resample(polygons.data(), batch, vertices, count, points.data(), points.size());
    return 0;
}
