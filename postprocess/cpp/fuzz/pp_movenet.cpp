#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t batch = input.upto(2), joints = input.size(3);
    const std::size_t height = input.size(9), width = input.size(12);
    const bool logits = input.flag(), half = input.flag();
    const auto center = input.values(product({batch, height, width}));
    const auto heatmap = input.values(product({batch, joints, height, width}));
    const auto regression = input.values(product({batch, joints, 2, height, width}));
    const auto offset = input.values(product({batch, joints, 2, height, width}));
    const std::size_t capacity = product({batch, joints});
    std::vector<float> points(2 * capacity), scores(capacity);
    const pp_status status =
        pp_movenet(center.data(), heatmap.data(), regression.data(), offset.data(), batch, joints,
                   height, width, logits, half, points.data(), scores.data(), capacity, nullptr);
    if (status != PP_OK) return 0;
    for (const float score : scores) promise(score == score);
    return 0;
}
