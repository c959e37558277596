/// Bilinear warps in float32, operation by operation as cv::warpAffine computes them from OpenCV 5
/// on; earlier versions round positions to 1/32 of a pixel.
#include <cmath>

#include "image.h"

namespace surgery {
namespace {

/// Positions in the image of a row or column of the result: x * scale + shift, inverted.
struct Axis {
    float scale;
    float shift;

    float operator()(int index) const { return static_cast<float>(index) * scale + shift; }
};

Axis inverse(const Transform& transform, std::size_t axis) {
    const double determinant = 1 / (transform.scale[0] * transform.scale[1]);
    const double scale = transform.scale[1 - axis] * determinant;
    return {static_cast<float>(scale), static_cast<float>(-scale * transform.shift[axis])};
}

/// A channel of a pixel; 0 outside of the image.
float level(const Image& image, int y, int x, int channel) {
    const bool inside = y >= 0 && y < image.height && x >= 0 && x < image.width;
    return inside ? static_cast<float>(image.row(y)[3 * x + channel]) : 0.0F;
}

}  // namespace

Image warped(const Image& image, const Transform& transform, int height, int width) {
    const Axis to_x = inverse(transform, 0);
    const Axis to_y = inverse(transform, 1);
    Image result(height, width);
    for (int y = 0; y < height; ++y) {
        const float from_y = to_y(y);
        const int top = static_cast<int>(std::floor(from_y));
        const float down = from_y - static_cast<float>(top);
        for (int x = 0; x < width; ++x) {
            const float from_x = to_x(x);
            const int left = static_cast<int>(std::floor(from_x));
            const float across = from_x - static_cast<float>(left);
            for (int channel = 0; channel < 3; ++channel) {
                const float top_left = level(image, top, left, channel);
                const float bottom_left = level(image, top + 1, left, channel);
                const float above =
                    across * (level(image, top, left + 1, channel) - top_left) + top_left;
                const float below =
                    across * (level(image, top + 1, left + 1, channel) - bottom_left) + bottom_left;
                const float value = down * (below - above) + above;
                result.row(y)[3 * x + channel] = static_cast<std::uint8_t>(std::nearbyint(value));
            }
        }
    }
    return result;
}

}  // namespace surgery
