// Bilinear warps, operation by operation as cv::warpAffine computes them from OpenCV 5 on.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "affine.h"
#include "image_bytes.h"
#include "postprocess/image.h"
#include "row_kernels.h"

namespace pp {
namespace {

void warp(const Photo& photo, const pp_affine& to_photo, std::size_t to_height,
          std::size_t to_width, std::uint8_t* to) {
    float matrix[6];
    std::transform(to_photo.m, to_photo.m + 6, matrix,
                   [](double value) { return static_cast<float>(value); });
    for (std::size_t y = 0; y < to_height; ++y, to += 3 * to_width) {
        row_kernels().warp(photo, matrix, y, to_width, to);
    }
}

}  // namespace
}  // namespace pp

extern "C" pp_status pp_warp(const uint8_t* images, size_t batch, size_t height, size_t width,
                             const pp_affine* matrix, size_t to_height, size_t to_width,
                             uint8_t* warped, size_t capacity) {
    pp::ImageBytes from, to;
    if (!pp::image_bytes(batch, height, width, &from) ||
        !pp::image_bytes(batch, to_height, to_width, &to)) {
        return PP_ERROR_SHAPE;
    }
    if (!matrix || (batch && (!images || !warped))) return PP_ERROR_NULL;
    pp_affine to_photo;
    if (!pp::finite(*matrix) || !pp::inverted(*matrix, &to_photo)) return PP_ERROR_PARAMETER;
    if (capacity < to.all) return PP_ERROR_CAPACITY;

    for (size_t i = 0; i < batch; ++i) {
        const pp::Photo photo = {images + i * from.one, static_cast<std::ptrdiff_t>(height),
                                 static_cast<std::ptrdiff_t>(width)};
        pp::warp(photo, to_photo, to_height, to_width, warped + i * to.one);
    }
    return PP_OK;
}
