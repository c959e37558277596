#include "person.h"

#include <algorithm>

namespace surgery {
namespace {

double rounded(double value) { return static_cast<double>(static_cast<float>(value)); }

/// The factor that takes a middle and a point `reach` before it to two others. HRNet keeps the
/// aspect, so the reach is the width's on both axes, and solves for points in float32.
double through_points(double middle, double reach, double to_middle, double to_reach) {
    return (rounded(to_middle - to_reach) - rounded(to_middle)) /
           (rounded(middle - reach) - rounded(middle));
}

}  // namespace

Transform person_affine(const Box& box, int height, int width, double growth, bool udp) {
    const double aspect = static_cast<double>(width) / height;
    const double across = std::max({box[2] - box[0], 1.0, std::max(box[3] - box[1], 1.0) * aspect});
    const std::array<double, 2> extent = {across * growth, across / aspect * growth};
    const std::array<double, 2> target = {static_cast<double>(width), static_cast<double>(height)};
    Transform transform;
    for (std::size_t axis = 0; axis < 2; ++axis) {
        const double middle = (box[axis] + box[axis + 2]) / 2;
        transform.scale[axis] =
            udp ? (target[axis] - 1) / extent[axis]
                : through_points(middle, extent[0] / 2, target[axis] / 2, target[0] / 2);
        const double to_middle = (udp ? target[axis] - 1 : target[axis]) / 2;
        transform.shift[axis] =
            to_middle - transform.scale[axis] * (udp ? middle : rounded(middle));
    }
    return transform;
}

std::array<int, 4> person_crop(const Box& box, int image_height, int image_width, int height,
                               int width, double growth) {
    const double half_height = (box[3] - box[1]) * growth / 2;
    const double half_width =
        std::max((box[2] - box[0]) * growth / 2, half_height * width / height);
    const double x = (box[0] + box[2]) / 2;
    const double y = (box[1] + box[3]) / 2;
    const int left = std::min(std::max(static_cast<int>(x - half_width), 0), image_width - 1);
    const int top = std::min(std::max(static_cast<int>(y - half_height), 0), image_height - 1);
    return {left, top, std::max(std::min(static_cast<int>(x + half_width), image_width), left + 1),
            std::max(std::min(static_cast<int>(y + half_height), image_height), top + 1)};
}

}  // namespace surgery
