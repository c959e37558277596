#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t joints = input.size(5), x_bins = input.size(30), y_bins = input.size(30);
    const auto split_ratio = input.value<float>();
    const auto x = input.values(product({joints, x_bins}));
    const auto y = input.values(product({joints, y_bins}));
    const std::size_t capacity = joints > 255 ? 0 : joints;
    std::vector<float> points(2 * capacity), scores(capacity);
    const pp_status status = pp_simcc(x.data(), y.data(), joints, x_bins, y_bins, split_ratio,
                                      points.data(), scores.data(), capacity, nullptr);
    if (status != PP_OK) return 0;
    for (const float score : scores) promise(score == score);
    return 0;
}
