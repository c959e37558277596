#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t batch = input.upto(2), points = input.size(5), k = input.upto(5);
    const std::size_t height = input.size(6), width = input.size(6);
    const auto stride = input.value<float>();
    std::vector<std::size_t> counts(batch);
    for (std::size_t& count : counts) count = input.upto(6);
    std::vector<std::int64_t> xs(batch * k), ys(batch * k);
    for (std::int64_t& x : xs) x = input.value<std::int8_t>() % 8;
    for (std::int64_t& y : ys) y = input.value<std::int8_t>() % 8;
    const auto offsets = input.values(product({batch, points, 2, height, width}));
    std::vector<float> contours(product({batch, k, points, 2}));
    pp_initial_contours(offsets.data(), batch, points, height, width, xs.data(), ys.data(),
                        counts.data(), k, stride, contours.data(), contours.size());
    return 0;
}
