#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t maps = input.size(3), height = input.size(12), width = input.size(20);
    const int method = static_cast<int>(input.upto(4));
    const std::size_t kernel = input.upto(11);
    const auto heatmaps = input.values(product({maps, height, width}));
    const std::size_t capacity = maps > 255 ? 0 : maps;
    std::vector<float> points(2 * capacity), scores(capacity);
    pp_non_finite seen;
    const pp_status status = pp_keypoints(heatmaps.data(), maps, height, width, method, kernel,
                                          points.data(), scores.data(), capacity, &seen);
    if (status != PP_OK) return 0;
    for (std::size_t i = 0; i < maps; ++i) {
        promise(points[2 * i] >= -1.0f && points[2 * i] <= static_cast<float>(width));
        promise(points[2 * i + 1] >= -1.0f && points[2 * i + 1] <= static_cast<float>(height));
        promise(scores[i] == scores[i]);
    }
    return 0;
}
