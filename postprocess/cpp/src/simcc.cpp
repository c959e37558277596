// SimCC's keypoints: the first maximum of each axis.
#include <cmath>
#include <cstddef>

#include "boundary.h"
#include "first_maximum.h"
#include "postprocess/decode.h"

extern "C" {

pp_status pp_simcc(const float* x, const float* y, size_t joints, size_t x_bins, size_t y_bins,
                   float split_ratio, float* points, float* scores, size_t capacity,
                   pp_non_finite* non_finite) {
    if (!(split_ratio > 0.0f) || std::isinf(split_ratio)) return PP_ERROR_PARAMETER;
    size_t x_size, y_size;
    if (x_bins == 0 || y_bins == 0 || !pp::product({joints, x_bins}, &x_size) ||
        !pp::product({joints, y_bins}, &y_size)) {
        return PP_ERROR_SHAPE;
    }
    if (joints && (!x || !y || !points || !scores)) return PP_ERROR_NULL;
    if (capacity < joints) return PP_ERROR_CAPACITY;

    const pp::RowKernels& kernels = pp::row_kernels();
    pp_non_finite seen = {0, 0, 0};
    for (size_t joint = 0; joint < joints; ++joint) {
        const pp::Maximum across = pp::first_maximum(kernels, x + joint * x_bins, x_bins, &seen);
        const pp::Maximum down = pp::first_maximum(kernels, y + joint * y_bins, y_bins, &seen);
        const size_t column = across.place < x_bins ? across.place : 0;
        const size_t row = down.place < y_bins ? down.place : 0;
        points[2 * joint] = static_cast<float>(column) / split_ratio;
        points[2 * joint + 1] = static_cast<float>(row) / split_ratio;
        scores[joint] = down.value < across.value ? down.value : across.value;
    }
    if (non_finite) *non_finite = seen;
    return PP_OK;
}

}  // extern "C"
