// The inverse of a map, by reciprocal of the determinant as OpenCV's warpAffine takes it.
#pragma once

#include <algorithm>
#include <cmath>
#include <iterator>

#include "postprocess/image.h"

namespace pp {

inline bool finite(const pp_affine& matrix) noexcept {
    return std::all_of(std::begin(matrix.m), std::end(matrix.m),
                       [](double value) { return std::isfinite(value); });
}

/// False where there is no inverse, or none in finite numbers.
inline bool inverted(const pp_affine& matrix, pp_affine* inverse) noexcept {
    const double* m = matrix.m;
    const double reciprocal = 1.0 / (m[0] * m[4] - m[1] * m[3]);
    const double xx = m[4] * reciprocal, xy = -m[1] * reciprocal;
    const double yx = -m[3] * reciprocal, yy = m[0] * reciprocal;
    *inverse = {{xx, xy, -xx * m[2] - xy * m[5], yx, yy, -yx * m[2] - yy * m[5]}};
    return finite(*inverse);
}

}  // namespace pp
