// The warp that top-down keypoint networks see a person through.
//
// HRNet (Sun et al., CVPR 2019, lib/utils/transforms.py) has OpenCV solve for the matrix that takes
// three float32 points to three others; UDP (Huang et al., CVPR 2020, section 3.2) writes it down.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "affine.h"
#include "postprocess/image.h"

namespace pp {
namespace {

struct Point {
    double x, y;
};

/// In float precision. Without volatile GCC 12 at -O3 leaves the rounding out for some of the
/// points.
double rounded(double value) {
    const volatile float narrow = static_cast<float>(value);
    return static_cast<double>(narrow);
}

/// A middle, a point above it, and one beside that one, as HRNet hands them to OpenCV.
struct Triple {
    Triple(double x, double y, double reach)
        : points{{rounded(x), rounded(y)},
                 {rounded(x), rounded(y - reach)},
                 {rounded(x - reach), rounded(y - reach)}} {}

    Point points[3];
};

/// The map that takes three points to three others. Its six equations are laid out and eliminated
/// (partial pivoting, the first of equal pivots) as by OpenCV's getAffineTransform: what should be
/// 0 beside the diagonal comes out as some 1e-17, and a warp has ties that this decides.
pp_affine through(const Triple& from, const Triple& to) {
    constexpr int kSize = 6;
    double rows[kSize][kSize + 1] = {};
    for (int i = 0; i < 3; ++i) {
        for (int axis = 0; axis < 2; ++axis) {
            double* row = rows[2 * i + axis];
            row[3 * axis] = from.points[i].x;
            row[3 * axis + 1] = from.points[i].y;
            row[3 * axis + 2] = 1.0;
            row[kSize] = axis == 0 ? to.points[i].x : to.points[i].y;
        }
    }
    for (int i = 0; i < kSize; ++i) {
        int pivot = i;
        for (int j = i + 1; j < kSize; ++j) {
            if (std::fabs(rows[j][i]) > std::fabs(rows[pivot][i])) pivot = j;
        }
        if (pivot != i) std::swap(rows[i], rows[pivot]);
        const double factor = -1.0 / rows[i][i];
        for (int j = i + 1; j < kSize; ++j) {
            const double share = rows[j][i] * factor;
            for (int k = i + 1; k <= kSize; ++k) rows[j][k] += share * rows[i][k];
        }
    }
    pp_affine solution = {};
    for (int i = kSize - 1; i >= 0; --i) {
        double rest = rows[i][kSize];
        for (int k = i + 1; k < kSize; ++k) rest -= rows[i][k] * solution.m[k];
        solution.m[i] = rest / rows[i][i];
    }
    return solution;
}

}  // namespace
}  // namespace pp

extern "C" pp_status pp_person_affine(const double box[4], size_t network_height,
                                      size_t network_width, double growth, int udp,
                                      pp_affine* matrix) {
    if (network_height == 0 || network_width == 0) return PP_ERROR_SHAPE;
    if (!box || !matrix) return PP_ERROR_NULL;
    if (!std::all_of(box, box + 4, [](double side) { return std::isfinite(side); }) ||
        !(growth > 0.0) || !std::isfinite(growth)) {
        return PP_ERROR_PARAMETER;
    }
    const auto height = static_cast<double>(network_height);
    const auto width = static_cast<double>(network_width);
    const double aspect = width / height;
    const double across =
        std::max(std::max(box[2] - box[0], 1.0), std::max(box[3] - box[1], 1.0) * aspect);
    const double extent_x = across * growth, extent_y = across / aspect * growth;
    const double x = (box[0] + box[2]) / 2.0, y = (box[1] + box[3]) / 2.0;
    pp_affine result;
    if (udp) {
        const double scale_x = (width - 1.0) / extent_x, scale_y = (height - 1.0) / extent_y;
        result = {{scale_x, 0.0, (width - 1.0) / 2.0 - scale_x * x, 0.0, scale_y,
                   (height - 1.0) / 2.0 - scale_y * y}};
    } else {
        result = pp::through(pp::Triple(x, y, extent_x / 2.0),
                             pp::Triple(width / 2.0, height / 2.0, width / 2.0));
    }
    if (!pp::finite(result)) return PP_ERROR_PARAMETER;
    *matrix = result;
    return PP_OK;
}
