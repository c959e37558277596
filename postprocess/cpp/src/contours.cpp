// Where e2ec's contours start, and the move to the origin before an evolution.
#include <cstddef>
#include <cstdint>

#include "boundary.h"
#include "numpy_order.h"
#include "postprocess/contours.h"

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
        float least[2] = {from[0], from[1]};
        for (size_t point = 1; point < points; ++point) {
            least[0] = pp::minimum(least[0], from[2 * point]);
            least[1] = pp::minimum(least[1], from[2 * point + 1]);
        }
        float* to = moved + i * points * 2;
        for (size_t point = 0; point < points; ++point) {
            to[2 * point] = from[2 * point] - least[0];
            to[2 * point + 1] = from[2 * point + 1] - least[1];
        }
    }
    return PP_OK;
}

}  // extern "C"
