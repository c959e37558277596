// Contours filled into masks.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "boundary.h"
#include "boundary_walk.h"
#include "postprocess/contours.h"

extern "C" {

pp_status pp_masks(const float* contours, size_t count, size_t points, size_t height, size_t width,
                   uint8_t* masks, size_t capacity) {
    size_t values, needed;
    if (points == 0 || !pp::product({count, points, 2}, &values) ||
        !pp::product({count, height, width}, &needed)) {
        return PP_ERROR_SHAPE;
    }
    if ((values && !contours) || (needed && !masks)) return PP_ERROR_NULL;
    if (capacity < needed) return PP_ERROR_CAPACITY;
    if (needed == 0) return PP_OK;

    return pp::guarded([&] {
        pp::BoundaryWalk walk(height, width);
        std::fill_n(masks, needed, std::uint8_t{0});
        for (size_t i = 0; i < count; ++i) {
            const auto& changes = walk.changes(contours + i * points * 2, points);
            uint8_t* mask = masks + i * height * width;
            // An even number of changes is in each column: the contour is closed.
            for (size_t j = 0; j + 1 < changes.size(); j += 2) {
                const uint64_t column = changes[j] / height;
                const uint64_t first = changes[j] - column * height;
                const uint64_t last = std::min<uint64_t>(changes[j + 1] - column * height, height);
                for (uint64_t row = first; row < last; ++row) mask[row * width + column] = 1;
            }
        }
        return PP_OK;
    });
}

}  // extern "C"
