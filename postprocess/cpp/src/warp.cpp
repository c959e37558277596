// Bilinear warps, operation by operation as cv::warpAffine computes them from OpenCV 5 on.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "affine.h"
#include "boundary.h"
#include "postprocess/image.h"

namespace pp {
namespace {

/// One image, black outside.
struct Photo {
    const std::uint8_t* pixels;
    std::ptrdiff_t height, width;

    float level(std::ptrdiff_t y, std::ptrdiff_t x, int channel) const {
        const bool inside = y >= 0 && y < height && x >= 0 && x < width;
        return inside ? static_cast<float>(pixels[(y * width + x) * 3 + channel]) : 0.0f;
    }

    /// Bilinear values of the three channels at x, y.
    void mix(float x, float y, std::uint8_t* to) const {
        const float left = std::floor(x), top = std::floor(y);
        const auto column = static_cast<std::ptrdiff_t>(left);
        const auto row = static_cast<std::ptrdiff_t>(top);
        for (int channel = 0; channel < 3; ++channel) {
            const auto between = [&](std::ptrdiff_t at) {
                const float first = level(at, column, channel);
                return std::fma(x - left, level(at, column + 1, channel) - first, first);
            };
            const float above = between(row), below = between(row + 1);
            const float value = std::fma(y - top, below - above, above);
            to[channel] = static_cast<std::uint8_t>(std::nearbyint(value));
        }
    }
};

void warp(const Photo& photo, const pp_affine& to_image, std::size_t to_height,
          std::size_t to_width, std::uint8_t* to) {
    float m[6];
    std::transform(to_image.m, to_image.m + 6, m,
                   [](double value) { return static_cast<float>(value); });
    const auto width = static_cast<float>(photo.width), height = static_cast<float>(photo.height);
    for (std::size_t y = 0; y < to_height; ++y) {
        const auto down = static_cast<float>(y);
        const float row_x = down * m[1] + m[2], row_y = down * m[4] + m[5];
        for (std::size_t x = 0; x < to_width; ++x, to += 3) {
            const float from_x = std::fma(static_cast<float>(x), m[0], row_x);
            const float from_y = std::fma(static_cast<float>(x), m[3], row_y);
            if (from_x > -1.0f && from_x < width && from_y > -1.0f && from_y < height) {
                photo.mix(from_x, from_y, to);
            } else {
                std::fill_n(to, 3, std::uint8_t{0});
            }
        }
    }
}

}  // namespace
}  // namespace pp

extern "C" pp_status pp_warp(const uint8_t* images, size_t batch, size_t height, size_t width,
                             const pp_affine* matrix, size_t to_height, size_t to_width,
                             uint8_t* warped, size_t capacity) {
    size_t image_size, to_size, values, needed;
    if (height == 0 || width == 0 || to_height == 0 || to_width == 0 ||
        !pp::product({height, width, 3}, &image_size) ||
        !pp::product({to_height, to_width, 3}, &to_size) ||
        !pp::product({batch, image_size}, &values) || !pp::product({batch, to_size}, &needed)) {
        return PP_ERROR_SHAPE;
    }
    if (!matrix || (batch && (!images || !warped))) return PP_ERROR_NULL;
    pp_affine to_image;
    if (!pp::finite(*matrix) || !pp::inverted(*matrix, &to_image)) return PP_ERROR_PARAMETER;
    if (capacity < needed) return PP_ERROR_CAPACITY;

    for (size_t i = 0; i < batch; ++i) {
        const pp::Photo photo = {images + i * image_size, static_cast<std::ptrdiff_t>(height),
                                 static_cast<std::ptrdiff_t>(width)};
        pp::warp(photo, to_image, to_height, to_width, warped + i * to_size);
    }
    return PP_OK;
}
