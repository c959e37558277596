// Undo a last evolution that made a contour jagged.
#include <algorithm>
#include <cstddef>

#include "boundary.h"
#include "postprocess/contours.h"

namespace pp {
namespace {

constexpr float kTurn = 0.1f;  // squared pixels: shorter edges are no zigzag

/// Points where the edge runs against the last one and along the one before.
std::ptrdiff_t zigzags(const float* contour, std::size_t points) {
    const auto edge = [&](std::size_t to, float* x, float* y) {
        const std::size_t from = (to ? to : points) - 1;
        *x = contour[2 * to] - contour[2 * from];
        *y = contour[2 * to + 1] - contour[2 * from + 1];
    };
    std::ptrdiff_t count = 0;
    for (std::size_t i = 0; i < points; ++i) {
        float x0, y0, x1, y1, x2, y2;
        edge(i, &x0, &y0);
        edge((i + 2 * points - 1) % points, &x1, &y1);
        edge((i + 2 * points - 2) % points, &x2, &y2);
        const float along_1 = x0 * x1 + y0 * y1, along_2 = x0 * x2 + y0 * y2;
        count += along_1 < -kTurn && along_2 > kTurn;
    }
    return count;
}

}  // namespace
}  // namespace pp

extern "C" {

pp_status pp_undo_jagged(const float* previous, const float* last, size_t count, size_t points,
                         int least, float* chosen, size_t capacity) {
    size_t needed;
    if (!pp::product({count, points, 2}, &needed)) return PP_ERROR_SHAPE;
    if (needed && (!previous || !last || !chosen)) return PP_ERROR_NULL;
    if (capacity < needed) return PP_ERROR_CAPACITY;
    if (needed == 0) return PP_OK;

    for (size_t i = 0; i < count; ++i) {
        const float* before = previous + i * points * 2;
        const float* after = last + i * points * 2;
        const bool jagged = pp::zigzags(after, points) - pp::zigzags(before, points) >= least;
        std::copy_n(jagged ? before : after, points * 2, chosen + i * points * 2);
    }
    return PP_OK;
}

}  // extern "C"
