// MoveNet's keypoints: argmax of weighted heatmaps.
//
// A sigmoid costs more than anything else here, so a pixel pays for one only where its logit could
// still beat the best one so far, given the largest weight that a pixel can have.
#include <algorithm>
#include <cmath>
#include <limits>

#include "boundary.h"
#include "non_finite.h"
#include "postprocess/decode.h"
#include "row_kernels.h"
#include "sigmoid.h"

namespace pp {
namespace {

constexpr double kNearness = 1.8;

/// The value as float16 holds it, rounded to even; for values from 0 up to float16's largest.
double half(double value) {
    if (value == 0.0) return 0.0;
    const double unit = std::ldexp(1.0, std::max(std::ilogb(value), -14) - 10);
    return std::nearbyint(value / unit) * unit;
}

/// 1 / (distance to the map's middle + 1.8).
struct CenterWeight {
    double x, y;
    bool halved;
    double inverse(double distance) const {
        const double weight = 1.0 / (distance + kNearness);
        return halved ? half(weight) : weight;
    }
    float of(std::size_t column, std::size_t row) const {
        const double dx = static_cast<double>(column) - x, dy = static_cast<double>(row) - y;
        return static_cast<float>(inverse(std::sqrt(dy * dy + dx * dx)));
    }
    float operator()(float likely, std::size_t column, std::size_t row) const {
        return likely * of(column, row);
    }
    /// Least probability that can give `value`, which is not negative.
    float least(float value) const { return value / static_cast<float>(inverse(0.0)); }
};

/// Division by the distance to where the joint was regressed + 1.8.
struct JointWeight {
    float x, y, nearness;
    float operator()(float likely, std::size_t column, std::size_t row) const {
        const float dx = static_cast<float>(column) - x, dy = static_cast<float>(row) - y;
        return likely / (std::sqrt(dy * dy + dx * dx) + nearness);
    }
    float least(float value) const { return value * nearness; }
};

struct Best {
    std::size_t x, y;
    float likely;
    bool found;
};

class Search {
  public:
    Search(std::size_t height, std::size_t width, bool sigmoid)
        : kernels_(row_kernels()), height_(height), width_(width), sigmoid_(sigmoid) {}

    /// First pixel with the largest weighted probability; NaN is passed over.
    template <class Weight>
    Best best(const float* map, const Weight& weight, pp_non_finite* seen) const {
        Best best = {0, 0, 0.0f, false};
        float top = 0.0f, bound = -std::numeric_limits<float>::infinity();
        for (std::size_t y = 0; y < height_; ++y) {
            const float* row = map + y * width_;
            const RowSummary summary = kernels_.summary(row, width_);
            if (!summary.finite) count_non_finite(row, width_, seen);
            if (!(summary.largest >= bound)) continue;
            for (std::size_t x = 0; x < width_; ++x) {
                if (!(row[x] >= bound)) continue;  // false for NaN as well
                const float likely = probability(row[x], sigmoid_);
                const float value = weight(likely, x, y);
                if (!(value > top || (!best.found && value == value))) continue;
                best = {x, y, likely, true};
                top = value;
                bound = lowest(weight, top);
            }
        }
        return best;
    }

  private:
    template <class Weight>
    float lowest(const Weight& weight, float top) const {
        if (!(top >= 0.0f)) return -std::numeric_limits<float>::infinity();
        const float slack = 1.0f - 1e-6f;  // for the rounding of the weighted value
        return lowest_value(weight.least(top) * slack, sigmoid_);
    }

    const RowKernels& kernels_;
    std::size_t height_, width_;
    bool sigmoid_;
};

}  // namespace
}  // namespace pp

extern "C" {

pp_status pp_movenet(const float* center, const float* heatmap, const float* regression,
                     const float* offset, size_t batch, size_t joints, size_t height, size_t width,
                     int logits, int half_constants, float* points, float* scores, size_t capacity,
                     pp_non_finite* non_finite) {
    size_t values;
    if (height == 0 || width == 0 || !pp::product({batch, joints, 2, height, width}, &values)) {
        return PP_ERROR_SHAPE;
    }
    if (batch && !center) return PP_ERROR_NULL;
    if (values && (!heatmap || !regression || !offset || !points || !scores)) return PP_ERROR_NULL;
    if (capacity < batch * joints) return PP_ERROR_CAPACITY;

    return pp::guarded([&] {
        const size_t plane = height * width;
        const pp::Search search(height, width, logits != 0);
        const pp::CenterWeight middle = {static_cast<double>(width) / 2,
                                         static_cast<double>(height) / 2, half_constants != 0};
        const auto nearness =
            static_cast<float>(half_constants ? pp::half(pp::kNearness) : pp::kNearness);
        pp_non_finite seen = {0, 0, 0};
        for (size_t image = 0; image < batch; ++image) {
            const pp::Best person = search.best(center + image * plane, middle, &seen);
            const size_t from = person.y * width + person.x;
            for (size_t joint = image * joints; joint < (image + 1) * joints; ++joint) {
                const float* way = regression + 2 * joint * plane + from;
                const pp::JointWeight near = {static_cast<float>(person.x) + way[plane],
                                              static_cast<float>(person.y) + way[0], nearness};
                const pp::Best pixel = search.best(heatmap + joint * plane, near, &seen);
                const float* below = offset + 2 * joint * plane + pixel.y * width + pixel.x;
                points[2 * joint] = static_cast<float>(pixel.x) + below[plane];
                points[2 * joint + 1] = static_cast<float>(pixel.y) + below[0];
                scores[joint] = pixel.likely;
            }
        }
        if (non_finite) *non_finite = seen;
        return PP_OK;
    });
}

}  // extern "C"
