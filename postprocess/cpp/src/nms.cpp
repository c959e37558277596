// Fast-NMS on boxes.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "boundary.h"
#include "numpy_order.h"
#include "postprocess/decode.h"

namespace pp {
namespace {

struct Box {
    float x1, y1, x2, y2;
    float area() const { return (x2 - x1) * (y2 - y1); }
};

/// Intersection over union, clipped to [0, 1]; NaN where it is undefined.
float overlap(const Box& a, const Box& b) {
    const float width = maximum(minimum(a.x2, b.x2) - maximum(a.x1, b.x1), 0.0f);
    const float height = maximum(minimum(a.y2, b.y2) - maximum(a.y1, b.y1), 0.0f);
    const float shared = width * height;
    return minimum(maximum(shared / (a.area() + b.area() - shared), 0.0f), 1.0f);
}

/// Largest coordinate, NaN passed over; NaN where there is no other.
float largest_coordinate(const float* boxes, std::size_t count) {
    float largest = std::numeric_limits<float>::quiet_NaN();
    for (std::size_t i = 0; i < 4 * count; ++i) largest = std::fmax(largest, boxes[i]);
    return largest;
}

std::vector<std::size_t> by_score(const float* scores, std::size_t count) {
    std::vector<std::size_t> order;
    order.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        if (!std::isnan(scores[i])) order.push_back(i);
    }
    std::sort(order.begin(), order.end(), [scores](std::size_t a, std::size_t b) {
        return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
    });
    return order;
}

}  // namespace
}  // namespace pp

extern "C" {

pp_status pp_fast_nms(const float* boxes, const float* scores, const int32_t* classes, size_t count,
                      float iou, int64_t* kept, size_t capacity, size_t* kept_count) {
    if (std::isnan(iou)) return PP_ERROR_PARAMETER;
    size_t coordinates;
    if (!pp::product({count, 4}, &coordinates)) return PP_ERROR_SHAPE;
    if (!kept_count || (count && (!boxes || !scores || !kept))) return PP_ERROR_NULL;
    if (capacity < count) return PP_ERROR_CAPACITY;

    return pp::guarded([&] {
        const std::vector<size_t> order = pp::by_score(scores, count);
        const float largest = classes ? pp::largest_coordinate(boxes, count) : 0.0f;
        std::vector<pp::Box> better;  // boxes of higher score, moved aside by class
        better.reserve(order.size());
        size_t written = 0;
        for (const size_t i : order) {
            const float shift = classes ? static_cast<float>(classes[i]) * largest : 0.0f;
            const float* corner = boxes + 4 * i;
            const pp::Box box = {corner[0] + shift, corner[1] + shift, corner[2] + shift,
                                 corner[3] + shift};
            const bool removed =
                std::any_of(better.begin(), better.end(),
                            [&](const pp::Box& other) { return pp::overlap(box, other) >= iou; });
            if (!removed) kept[written++] = static_cast<int64_t>(i);
            better.push_back(box);
        }
        *kept_count = written;
        return PP_OK;
    });
}

}  // extern "C"
