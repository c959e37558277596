/// Pixels, and the two resize operations that preprocessing needs.
#pragma once

#include <postprocess/image.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace surgery {

/// (height, width, 3) uint8, BGR as OpenCV has it.
struct Image {
    int height = 0;
    int width = 0;
    std::vector<std::uint8_t> bgr;

    Image() = default;
    /// Black.
    Image(int rows, int columns)
        : height(rows), width(columns), bgr(static_cast<std::size_t>(rows) * columns * 3) {}

    std::uint8_t* row(int y) { return bgr.data() + static_cast<std::size_t>(y) * width * 3; }
    const std::uint8_t* row(int y) const {
        return bgr.data() + static_cast<std::size_t>(y) * width * 3;
    }
};

/// A scaled copy, as cv::resize makes it: INTER_AREA with `area`, INTER_LINEAR without.
Image resized(const Image& image, int height, int width, bool area);

/// A copy in which what was at p lies at matrix * p, bilinear, black outside.
Image warped(const Image& image, const pp_affine& matrix, int height, int width);

}  // namespace surgery
