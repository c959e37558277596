// Keypoints of heatmaps: the maximum, and a Newton step on the logarithm around it.
//
// Only the pixels around a maximum are blurred, so that a map costs little more than its maximum.
#include <algorithm>
#include <cmath>
#include <limits>

#include "blur.h"
#include "boundary.h"
#include "first_maximum.h"
#include "postprocess/decode.h"
#include "row_kernels.h"

namespace pp {
namespace {

struct Map {
    const float* values;
    std::ptrdiff_t height, width;
    float at(std::ptrdiff_t x, std::ptrdiff_t y) const { return values[y * width + x]; }
};

struct Pixel {
    std::ptrdiff_t x, y;
};

struct Step {
    double x, y;
};

/// -H^-1 g; not finite where H is singular.
Step newton_step(double gx, double gy, double hxx, double hxy, double hyy) {
    const double determinant = hxx * hyy - hxy * hxy;
    return {-(hyy * gx - hxy * gy) / determinant, -(hxx * gy - hxy * gx) / determinant};
}

Step quarter_step(const Map& map, Pixel top) {
    if (!(top.x > 1 && top.x < map.width - 1 && top.y > 1 && top.y < map.height - 1)) return {0, 0};
    const auto towards = [](float after, float before) {
        return 0.25 * (static_cast<int>(after > before) - static_cast<int>(after < before));
    };
    return {towards(map.at(top.x + 1, top.y), map.at(top.x - 1, top.y)),
            towards(map.at(top.x, top.y + 1), map.at(top.x, top.y - 1))};
}

Step dark_step(const Map& map, Pixel top, const Blur& blur) {
    if (!(top.x > 1 && top.x < map.width - 2 && top.y > 1 && top.y < map.height - 2)) return {0, 0};
    const auto at = [&](std::ptrdiff_t dx, std::ptrdiff_t dy) {
        const double blurred = blur.at(map.values, top.x + dx, top.y + dy);
        return std::log(blurred < 1e-10 ? 1e-10 : blurred);
    };
    const double middle = at(0, 0);
    return newton_step(0.5 * (at(1, 0) - at(-1, 0)), 0.5 * (at(0, 1) - at(0, -1)),
                       0.25 * (at(2, 0) - 2 * middle + at(-2, 0)),
                       0.25 * (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)),
                       0.25 * (at(0, 2) - 2 * middle + at(0, -2)));
}

Step dark_udp_step(const Map& map, Pixel top, const Blur& blur) {
    const auto at = [&](std::ptrdiff_t dx, std::ptrdiff_t dy) {
        const std::ptrdiff_t x = std::clamp<std::ptrdiff_t>(top.x + dx, 0, map.width - 1);
        const std::ptrdiff_t y = std::clamp<std::ptrdiff_t>(top.y + dy, 0, map.height - 1);
        return std::log(std::clamp(blur.at(map.values, x, y), 1e-3, 50.0));
    };
    const double middle = at(0, 0), right = at(1, 0), below = at(0, 1);
    const double left = at(-1, 0), above = at(0, -1);
    const double ridge = std::numeric_limits<float>::epsilon();  // a flat map stays invertible
    return newton_step(0.5 * (right - left), 0.5 * (below - above),
                       right - 2 * middle + left + ridge,
                       0.5 * (at(1, 1) - right - below + 2 * middle - left - above + at(-1, -1)),
                       below - 2 * middle + above + ridge);
}

/// The step where it ends on the map or at most a pixel beside it, else none.
Step checked(Step step, const Map& map, Pixel top) {
    const double x = static_cast<double>(top.x) + step.x, y = static_cast<double>(top.y) + step.y;
    const bool usable = x >= -1 && x <= static_cast<double>(map.width) && y >= -1 &&
                        y <= static_cast<double>(map.height);
    return usable ? step : Step{0, 0};
}

}  // namespace
}  // namespace pp

extern "C" {

pp_status pp_keypoints(const float* heatmaps, size_t maps, size_t height, size_t width, int method,
                       size_t kernel, float* points, float* scores, size_t capacity,
                       pp_non_finite* non_finite) {
    if (kernel % 2 == 0 || method < PP_KEYPOINT_ARGMAX || method > PP_KEYPOINT_DARK_UDP) {
        return PP_ERROR_PARAMETER;
    }
    size_t values;
    if (height == 0 || width == 0 || !pp::product({maps, height, width}, &values)) {
        return PP_ERROR_SHAPE;
    }
    if (maps && (!heatmaps || !points || !scores)) return PP_ERROR_NULL;
    if (capacity < maps) return PP_ERROR_CAPACITY;

    return pp::guarded([&] {
        const pp::RowKernels& kernels = pp::row_kernels();
        const pp::Border border =
            method == PP_KEYPOINT_DARK_UDP ? pp::Border::kReflect : pp::Border::kZero;
        const pp::Blur blur(kernel, border, height, width);
        const size_t size = height * width;
        pp_non_finite seen = {0, 0, 0};
        for (size_t i = 0; i < maps; ++i) {
            const pp::Map map = {heatmaps + i * size, static_cast<std::ptrdiff_t>(height),
                                 static_cast<std::ptrdiff_t>(width)};
            const pp::Maximum top_value = pp::first_maximum(kernels, map.values, size, &seen);
            const bool empty = top_value.place == size;  // every value is NaN
            const size_t first = empty ? 0 : top_value.place;
            const pp::Pixel top = {static_cast<std::ptrdiff_t>(first % width),
                                   static_cast<std::ptrdiff_t>(first / width)};
            pp::Step step = {0, 0};
            if (method == PP_KEYPOINT_QUARTER) step = pp::quarter_step(map, top);
            if (method == PP_KEYPOINT_DARK) step = pp::dark_step(map, top, blur);
            if (method == PP_KEYPOINT_DARK_UDP) step = pp::dark_udp_step(map, top, blur);
            step = pp::checked(step, map, top);
            points[2 * i] = static_cast<float>(static_cast<double>(top.x) + step.x);
            points[2 * i + 1] = static_cast<float>(static_cast<double>(top.y) + step.y);
            scores[i] = top_value.value;
        }
        if (non_finite) *non_finite = seen;
        return PP_OK;
    });
}

}  // extern "C"
