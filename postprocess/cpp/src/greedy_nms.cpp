// Greedy NMS on boxes that are closed ranges of pixels.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "boundary.h"
#include "numpy_order.h"
#include "postprocess/decode.h"

namespace pp {
namespace {

struct PixelBox {
    explicit PixelBox(const float* corner)
        : x1(corner[0]), y1(corner[1]), x2(corner[2]), y2(corner[3]) {}

    float area() const { return (x2 - x1 + 1.0f) * (y2 - y1 + 1.0f); }

    float x1, y1, x2, y2;
};

bool overlaps(const PixelBox& a, const PixelBox& b, float most) {
    const float width = minimum(a.x2, b.x2) - maximum(a.x1, b.x1) + 1.0f;
    const float height = minimum(a.y2, b.y2) - maximum(a.y1, b.y1) + 1.0f;
    const float shared = maximum(width, 0.0f) * maximum(height, 0.0f);
    return shared > most * (a.area() + b.area() - shared);
}

/// Score descending, ties by index, NaN last.
std::vector<std::size_t> ranked(const float* scores, std::size_t count) {
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [scores](std::size_t a, std::size_t b) {
        return scores[a] > scores[b] || (std::isnan(scores[b]) && !std::isnan(scores[a]));
    });
    return order;
}

}  // namespace
}  // namespace pp

extern "C" pp_status pp_greedy_nms(const float* boxes, const float* scores, const int32_t* classes,
                                   size_t count, float overlap, int64_t* kept, size_t capacity,
                                   size_t* kept_count) {
    if (std::isnan(overlap)) return PP_ERROR_PARAMETER;
    size_t coordinates;
    if (!pp::product({count, 4}, &coordinates)) return PP_ERROR_SHAPE;
    if (!kept_count || (count && (!boxes || !scores || !kept))) return PP_ERROR_NULL;
    if (capacity < count) return PP_ERROR_CAPACITY;

    return pp::guarded([&] {
        const std::vector<size_t> order = pp::ranked(scores, count);
        int64_t* end = kept;
        for (const size_t i : order) {
            const pp::PixelBox box(boxes + 4 * i);
            const bool removed = std::any_of(kept, end, [&](int64_t better) {
                const auto other = static_cast<size_t>(better);
                return (!classes || classes[other] == classes[i]) &&
                       pp::overlaps(pp::PixelBox(boxes + 4 * other), box, overlap);
            });
            if (!removed) *end++ = static_cast<int64_t>(i);
        }
        *kept_count = static_cast<size_t>(end - kept);
        return PP_OK;
    });
}
