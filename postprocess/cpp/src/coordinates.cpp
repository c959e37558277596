// Maps between pixels of an image and of the network's input.
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "boundary.h"
#include "postprocess/image.h"

namespace pp {
namespace {

/// A point, one above it and one to the left of that one, rounded to float as HRNet hands them to
/// OpenCV's getAffineTransform.
class Similarity {
  public:
    Similarity(double x, double y, double reach)
        : x_(rounded(x)), y_(rounded(y)), above_(rounded(y - reach)), left_(rounded(x - reach)) {}

    /// The map that takes these three points to three others.
    pp_affine to(const Similarity& other) const {
        const double scale_x = (other.x_ - other.left_) / (x_ - left_);
        const double scale_y = (other.y_ - other.above_) / (y_ - above_);
        return {{scale_x, 0.0, other.x_ - scale_x * x_, 0.0, scale_y, other.y_ - scale_y * y_}};
    }

  private:
    static double rounded(double value) { return static_cast<double>(static_cast<float>(value)); }

    double x_, y_, above_, left_;
};

}  // namespace
}  // namespace pp

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

pp_status pp_person_affine(const double box[4], size_t network_height, size_t network_width,
                           double growth, int udp, pp_affine* matrix) {
    if (network_height == 0 || network_width == 0) return PP_ERROR_SHAPE;
    if (!box || !matrix) return PP_ERROR_NULL;
    for (int i = 0; i < 4; ++i) {
        if (!std::isfinite(box[i])) return PP_ERROR_PARAMETER;
    }
    if (!(growth > 0.0) || !std::isfinite(growth)) return PP_ERROR_PARAMETER;

    const auto height = static_cast<double>(network_height);
    const auto width = static_cast<double>(network_width);
    const double aspect = width / height;
    const double across =
        std::max(std::max(box[2] - box[0], 1.0), std::max(box[3] - box[1], 1.0) * aspect);
    const double extent_x = across * growth, extent_y = across / aspect * growth;
    const double centre_x = (box[0] + box[2]) / 2.0, centre_y = (box[1] + box[3]) / 2.0;
    if (udp) {
        const double scale_x = (width - 1.0) / extent_x, scale_y = (height - 1.0) / extent_y;
        *matrix = {{scale_x, 0.0, (width - 1.0) / 2.0 - scale_x * centre_x, 0.0, scale_y,
                    (height - 1.0) / 2.0 - scale_y * centre_y}};
    } else {
        const pp::Similarity similarity(centre_x, centre_y, extent_x / 2.0);
        const pp::Similarity target(width / 2.0, height / 2.0, width / 2.0);
        *matrix = similarity.to(target);
    }
    for (const double value : matrix->m) {
        if (!std::isfinite(value)) return PP_ERROR_PARAMETER;
    }
    return PP_OK;
}

pp_status pp_invert_affine(const pp_affine* matrix, pp_affine* inverse) {
    if (!matrix || !inverse) return PP_ERROR_NULL;
    const double* m = matrix->m;
    const double determinant = m[0] * m[4] - m[1] * m[3];
    const pp_affine result = {{m[4] / determinant, -m[1] / determinant,
                               (m[1] * m[5] - m[4] * m[2]) / determinant, -m[3] / determinant,
                               m[0] / determinant, (m[3] * m[2] - m[0] * m[5]) / determinant}};
    for (const double value : result.m) {
        if (!std::isfinite(value)) return PP_ERROR_PARAMETER;
    }
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
