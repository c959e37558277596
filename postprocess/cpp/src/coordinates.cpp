// Maps between pixels of an image and of the network's input.
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "affine.h"
#include "boundary.h"
#include "postprocess/image.h"

extern "C" {

pp_status pp_place(size_t image_height, size_t image_width, size_t network_height,
                   size_t network_width, int rule, pp_placement* placement) {
    if (rule != PP_RESIZE_LETTERBOX && rule != PP_RESIZE_STRETCH) return PP_ERROR_PARAMETER;
    if (image_height == 0 || image_width == 0 || network_height == 0 || network_width == 0) {
        return PP_ERROR_SHAPE;
    }
    if (!placement) return PP_ERROR_NULL;

    const auto height = static_cast<double>(image_height);
    const auto width = static_cast<double>(image_width);
    size_t inner_height = network_height, inner_width = network_width;
    if (rule == PP_RESIZE_LETTERBOX) {
        const double factor = std::min(static_cast<double>(network_height) / height,
                                       static_cast<double>(network_width) / width);
        const auto fitted = [factor](double side, size_t most) {
            const double rounded = std::max(1.0, std::nearbyint(side * factor));
            return rounded < static_cast<double>(most) ? static_cast<size_t>(rounded) : most;
        };
        inner_height = fitted(height, network_height);
        inner_width = fitted(width, network_width);
    }
    const size_t top = (network_height - inner_height) / 2;
    const size_t left = (network_width - inner_width) / 2;
    *placement = {top,
                  left,
                  inner_height,
                  inner_width,
                  {{static_cast<double>(inner_width) / width, 0.0, static_cast<double>(left), 0.0,
                    static_cast<double>(inner_height) / height, static_cast<double>(top)}}};
    return PP_OK;
}

pp_status pp_invert_affine(const pp_affine* matrix, pp_affine* inverse) {
    if (!matrix || !inverse) return PP_ERROR_NULL;
    pp_affine result;
    if (!pp::inverted(*matrix, &result)) return PP_ERROR_PARAMETER;
    *inverse = result;
    return PP_OK;
}

pp_status pp_move_points(const float* points, size_t count, const pp_affine* matrix, float* moved,
                         size_t capacity) {
    size_t needed;
    if (!pp::product({count, 2}, &needed)) return PP_ERROR_SHAPE;
    if (!matrix || (needed && (!points || !moved))) return PP_ERROR_NULL;
    if (capacity < needed) return PP_ERROR_CAPACITY;

    const double* m = matrix->m;
    for (size_t i = 0; i < needed; i += 2) {
        const auto x = static_cast<double>(points[i]), y = static_cast<double>(points[i + 1]);
        moved[i] = static_cast<float>(m[0] * x + m[1] * y + m[2]);
        moved[i + 1] = static_cast<float>(m[3] * x + m[4] * y + m[5]);
    }
    return PP_OK;
}

}  // extern "C"
