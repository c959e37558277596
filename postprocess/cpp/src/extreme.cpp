// Boxes, diamonds and octagons: where Deep Snake's contours start.
#include <cstddef>

#include "boundary.h"
#include "numpy_order.h"
#include "postprocess/contours.h"

namespace pp {
namespace {

constexpr float kOctagonSide = 8.0f;  // a side reaches this fraction of the box from its middle

void octagon(const float* extreme, float* to) {
    const float top_x = extreme[0], top = extreme[1], left = extreme[2], left_y = extreme[3];
    const float bottom_x = extreme[4], bottom = extreme[5], right = extreme[6],
                right_y = extreme[7];
    const float across = (right - left) / kOctagonSide, down = (bottom - top) / kOctagonSide;
    const float vertices[12][2] = {
        {top_x, top},
        {maximum(top_x - across, left), top},
        {left, maximum(left_y - down, top)},
        {left, left_y},
        {left, minimum(left_y + down, bottom)},
        {maximum(bottom_x - across, left), bottom},
        {bottom_x, bottom},
        {minimum(bottom_x + across, right), bottom},
        {right, minimum(right_y + down, bottom)},
        {right, right_y},
        {right, maximum(right_y - down, top)},
        {minimum(top_x + across, right), top},
    };
    for (const auto& vertex : vertices) {
        *to++ = vertex[0];
        *to++ = vertex[1];
    }
}

}  // namespace
}  // namespace pp

extern "C" {

pp_status pp_clip_boxes(const float* boxes, size_t count, size_t height, size_t width,
                        float* clipped, size_t capacity) {
    size_t needed;
    if (!pp::product({count, 4}, &needed)) return PP_ERROR_SHAPE;
    if (needed && (!boxes || !clipped)) return PP_ERROR_NULL;
    if (capacity < needed) return PP_ERROR_CAPACITY;

    const float right = static_cast<float>(width) - 1.0f;
    const float bottom = static_cast<float>(height) - 1.0f;
    for (size_t i = 0; i < needed; i += 4) {
        clipped[i] = pp::maximum(boxes[i], 0.0f);
        clipped[i + 1] = pp::maximum(boxes[i + 1], 0.0f);
        clipped[i + 2] = pp::minimum(boxes[i + 2], right);
        clipped[i + 3] = pp::minimum(boxes[i + 3], bottom);
    }
    return PP_OK;
}

pp_status pp_diamonds(const float* boxes, size_t count, float* diamonds, size_t capacity) {
    size_t needed;
    if (!pp::product({count, 8}, &needed)) return PP_ERROR_SHAPE;
    if (needed && (!boxes || !diamonds)) return PP_ERROR_NULL;
    if (capacity < needed) return PP_ERROR_CAPACITY;

    for (size_t i = 0; i < count; ++i) {
        const float* box = boxes + 4 * i;
        const float x = (box[0] + box[2]) / 2.0f, y = (box[1] + box[3]) / 2.0f;
        const float vertices[8] = {x, box[1], box[0], y, x, box[3], box[2], y};
        for (size_t j = 0; j < 8; ++j) diamonds[8 * i + j] = vertices[j];
    }
    return PP_OK;
}

pp_status pp_octagons(const float* extreme, size_t count, float* octagons, size_t capacity) {
    size_t needed;
    if (!pp::product({count, 24}, &needed)) return PP_ERROR_SHAPE;
    if (needed && (!extreme || !octagons)) return PP_ERROR_NULL;
    if (capacity < needed) return PP_ERROR_CAPACITY;

    for (size_t i = 0; i < count; ++i) pp::octagon(extreme + 8 * i, octagons + 24 * i);
    return PP_OK;
}

}  // extern "C"
