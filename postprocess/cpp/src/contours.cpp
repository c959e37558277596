// Where e2ec's contours start, the move to the origin before an evolution, and boxes around them.
#include <cstddef>
#include <cstdint>

#include "boundary.h"
#include "numpy_order.h"
#include "postprocess/contours.h"

namespace pp {
namespace {

/// Least and largest coordinates of a contour of at least one point.
struct Bounds {
    Bounds(const float* xy, std::size_t points)
        : left(xy[0]), top(xy[1]), right(xy[0]), bottom(xy[1]) {
        for (std::size_t point = 1; point < points; ++point) {
            const float x = xy[2 * point], y = xy[2 * point + 1];
            left = minimum(left, x);
            top = minimum(top, y);
            right = maximum(right, x);
            bottom = maximum(bottom, y);
        }
    }

    float left, top, right, bottom;
};

}  // namespace
}  // namespace pp

extern "C" {

pp_status pp_initial_contours(const float* offsets, size_t batch, size_t points, size_t height,
                              size_t width, const int64_t* xs, const int64_t* ys,
                              const size_t* counts, size_t k, float stride, float* contours,
                              size_t capacity) {
    size_t plane, values, needed;
    if (!pp::product({height, width}, &plane) || !pp::product({batch, points, 2, plane}, &values) ||
        !pp::product({batch, k, points, 2}, &needed)) {
        return PP_ERROR_SHAPE;
    }
    if (batch && !counts) return PP_ERROR_NULL;
    bool any = false;
    for (size_t image = 0; image < batch; ++image) {
        if (counts[image] > k) return PP_ERROR_PARAMETER;
        any = any || counts[image] != 0;
    }
    if (!any) return PP_OK;
    if (!xs || !ys || (needed && (!offsets || !contours))) return PP_ERROR_NULL;
    if (capacity < needed) return PP_ERROR_CAPACITY;
    for (size_t image = 0; image < batch; ++image) {
        for (size_t i = image * k; i < image * k + counts[image]; ++i) {
            const bool inside = xs[i] >= 0 && ys[i] >= 0 && static_cast<size_t>(xs[i]) < width &&
                                static_cast<size_t>(ys[i]) < height;
            if (!inside) return PP_ERROR_PARAMETER;
        }
    }
    if (needed == 0) return PP_OK;

    const float right = static_cast<float>(width) - 1.0f;
    const float bottom = static_cast<float>(height) - 1.0f;
    for (size_t image = 0; image < batch; ++image) {
        for (size_t i = image * k; i < image * k + counts[image]; ++i) {
            const size_t at = static_cast<size_t>(ys[i]) * width + static_cast<size_t>(xs[i]);
            const float* way = offsets + image * points * 2 * plane + at;
            const float x = static_cast<float>(xs[i]), y = static_cast<float>(ys[i]);
            float* to = contours + i * points * 2;
            for (size_t point = 0; point < points; ++point, way += 2 * plane, to += 2) {
                to[0] = pp::minimum(pp::maximum(x + way[0] * stride, 0.0f), right);
                to[1] = pp::minimum(pp::maximum(y + way[plane] * stride, 0.0f), bottom);
            }
        }
    }
    return PP_OK;
}

pp_status pp_clip_points(const float* points, size_t count, size_t height, size_t width,
                         float* clipped, size_t capacity) {
    size_t needed;
    if (!pp::product({count, 2}, &needed)) return PP_ERROR_SHAPE;
    if (needed && (!points || !clipped)) return PP_ERROR_NULL;
    if (capacity < needed) return PP_ERROR_CAPACITY;

    const float right = static_cast<float>(width) - 1.0f;
    const float bottom = static_cast<float>(height) - 1.0f;
    for (size_t i = 0; i < needed; i += 2) {
        clipped[i] = pp::minimum(pp::maximum(points[i], 0.0f), right);
        clipped[i + 1] = pp::minimum(pp::maximum(points[i + 1], 0.0f), bottom);
    }
    return PP_OK;
}

pp_status pp_canonical_contours(const float* contours, size_t count, size_t points, float* moved,
                                size_t capacity) {
    size_t needed;
    if (!pp::product({count, points, 2}, &needed)) return PP_ERROR_SHAPE;
    if (needed && (!contours || !moved)) return PP_ERROR_NULL;
    if (capacity < needed) return PP_ERROR_CAPACITY;
    if (needed == 0) return PP_OK;

    for (size_t i = 0; i < count; ++i) {
        const float* from = contours + i * points * 2;
        const pp::Bounds bounds(from, points);
        float* to = moved + i * points * 2;
        for (size_t point = 0; point < points; ++point) {
            to[2 * point] = from[2 * point] - bounds.left;
            to[2 * point + 1] = from[2 * point + 1] - bounds.top;
        }
    }
    return PP_OK;
}

pp_status pp_contour_boxes(const float* contours, size_t count, size_t points, float* boxes,
                           size_t capacity) {
    size_t values, needed;
    if (points == 0 || !pp::product({count, points, 2}, &values) ||
        !pp::product({count, 4}, &needed)) {
        return PP_ERROR_SHAPE;
    }
    if (needed && (!contours || !boxes)) return PP_ERROR_NULL;
    if (capacity < needed) return PP_ERROR_CAPACITY;

    for (size_t i = 0; i < count; ++i) {
        const pp::Bounds bounds(contours + i * points * 2, points);
        const float box[4] = {bounds.left, bounds.top, bounds.right, bounds.bottom};
        for (size_t side = 0; side < 4; ++side) boxes[4 * i + side] = box[side];
    }
    return PP_OK;
}

}  // extern "C"
