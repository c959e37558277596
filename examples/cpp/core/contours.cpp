#include "contours.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace surgery {
namespace {

struct Bounds {
    float left, top, right, bottom;
};

Bounds bounds(const float* xy, std::size_t points) {
    Bounds box{xy[0], xy[1], xy[0], xy[1]};
    for (std::size_t p = 1; p < points; ++p) {
        box.left = std::min(box.left, xy[2 * p]);
        box.top = std::min(box.top, xy[2 * p + 1]);
        box.right = std::max(box.right, xy[2 * p]);
        box.bottom = std::max(box.bottom, xy[2 * p + 1]);
    }
    return box;
}

template <typename Operation>
Contours each(const Contours& contours, Operation operation) {
    Contours result = contours;
    std::transform(result.xy.begin(), result.xy.end(), result.xy.begin(), operation);
    return result;
}

float clipped(float value, float most) { return value < 0 ? 0 : value > most ? most : value; }

/// Points of a contour whose edge runs against the last one and along the one before.
int zigzags(const float* xy, std::size_t points) {
    constexpr float kTurn = 0.1F;  // squared pixels: shorter edges are no zigzag
    const auto edge = [&](std::size_t p, std::size_t axis) {
        return xy[2 * p + axis] - xy[2 * ((p + points - 1) % points) + axis];
    };
    const auto along = [&](std::size_t p, std::size_t q) {
        return edge(p, 0) * edge(q, 0) + edge(p, 1) * edge(q, 1);
    };
    int count = 0;
    for (std::size_t p = 0; p < points; ++p) {
        const std::size_t before = (p + points - 1) % points;
        const std::size_t second = (p + 2 * points - 2) % points;
        count += along(p, before) < -kTurn && along(p, second) > kTurn ? 1 : 0;
    }
    return count;
}

}  // namespace

TensorView view(const Contours& contours) {
    return {
        {static_cast<std::int64_t>(contours.count), static_cast<std::int64_t>(contours.points), 2},
        contours.xy.data()};
}

Tensor copied(const Contours& contours) { return {view(contours).shape, contours.xy}; }

Contours moved(const Contours& contours, const TensorView& offsets, float factor) {
    Contours result = contours;
    for (std::size_t i = 0; i < result.xy.size(); ++i) {
        result.xy[i] += offsets.data[i] * factor;
    }
    return result;
}

Contours multiplied(const Contours& contours, float factor) {
    return each(contours, [factor](float value) { return value * factor; });
}

Contours divided(const Contours& contours, float divisor) {
    return each(contours, [divisor](float value) { return value / divisor; });
}

void clip(Contours& contours, std::int64_t height, std::int64_t width) {
    const std::array<float, 2> most = {static_cast<float>(width - 1),
                                       static_cast<float>(height - 1)};
    for (std::size_t i = 0; i < contours.xy.size(); ++i) {
        contours.xy[i] = clipped(contours.xy[i], most[i % 2]);
    }
}

Contours canonical(const Contours& contours) {
    Contours result = contours;
    for (std::size_t i = 0; i < contours.count; ++i) {
        const Bounds box = bounds(contours.at(i), contours.points);
        for (std::size_t p = 0; p < contours.points; ++p) {
            result.at(i)[2 * p] -= box.left;
            result.at(i)[2 * p + 1] -= box.top;
        }
    }
    return result;
}

Contours preceded(const Contours& first, const Contours& contours) {
    Contours result(contours.count, contours.points + 1);
    for (std::size_t i = 0; i < contours.count; ++i) {
        std::copy_n(first.at(i), 2, result.at(i));
        std::copy_n(contours.at(i), 2 * contours.points, result.at(i) + 2);
    }
    return result;
}

Contours diamonds(const Contours& boxes) {
    Contours result(boxes.count, 4);
    for (std::size_t i = 0; i < boxes.count; ++i) {
        const float* box = boxes.at(i);
        const float x = (box[0] + box[2]) / 2;
        const float y = (box[1] + box[3]) / 2;
        const std::array<float, 8> vertices = {x, box[1], box[0], y, x, box[3], box[2], y};
        std::copy(vertices.begin(), vertices.end(), result.at(i));
    }
    return result;
}

Contours octagons(const Contours& extreme) {
    Contours result(extreme.count, 12);
    for (std::size_t i = 0; i < extreme.count; ++i) {
        const float* point = extreme.at(i);
        const float top_x = point[0], top = point[1], left = point[2], left_y = point[3];
        const float bottom_x = point[4], bottom = point[5], right = point[6], right_y = point[7];
        const float across = (right - left) / 8;  // a side reaches an eighth to either hand
        const float down = (bottom - top) / 8;
        const std::array<float, 24> vertices = {top_x,
                                                top,
                                                std::max(top_x - across, left),
                                                top,
                                                left,
                                                std::max(left_y - down, top),
                                                left,
                                                left_y,
                                                left,
                                                std::min(left_y + down, bottom),
                                                std::max(bottom_x - across, left),
                                                bottom,
                                                bottom_x,
                                                bottom,
                                                std::min(bottom_x + across, right),
                                                bottom,
                                                right,
                                                std::min(right_y + down, bottom),
                                                right,
                                                right_y,
                                                right,
                                                std::max(right_y - down, top),
                                                std::min(top_x + across, right),
                                                top};
        std::copy(vertices.begin(), vertices.end(), result.at(i));
    }
    return result;
}

Contours middles(const Contours& contours) {
    Contours result(contours.count, 1);
    for (std::size_t i = 0; i < contours.count; ++i) {
        const Bounds box = bounds(contours.at(i), contours.points);
        result.at(i)[0] = (box.left + box.right) / 2;
        result.at(i)[1] = (box.top + box.bottom) / 2;
    }
    return result;
}

Contours without_jagged(const Contours& previous, const Contours& last) {
    constexpr int kMost = 2;  // additional zigzag points that a contour may have
    Contours result = last;
    for (std::size_t i = 0; i < last.count; ++i) {
        const int added = zigzags(last.at(i), last.points) - zigzags(previous.at(i), last.points);
        if (added > kMost) {
            std::copy_n(previous.at(i), 2 * last.points, result.at(i));
        }
    }
    return result;
}

Instances instances(const Contours& contours, const std::vector<Peak>& peaks,
                    std::vector<std::string>& warnings) {
    Instances found;
    for (std::size_t i = 0; i < contours.count; ++i) {
        const float* first = contours.at(i);
        const float* end = first + 2 * contours.points;
        if (std::all_of(first, end, [](float value) { return std::isfinite(value); })) {
            const Bounds box = bounds(first, contours.points);
            found.push_back({peaks[i].score,
                             peaks[i].class_index,
                             {box.left, box.top, box.right, box.bottom},
                             {first, end},
                             {}});
        }
    }
    if (const std::size_t dropped = contours.count - found.size(); dropped != 0) {
        warnings.push_back(std::to_string(dropped) + " of " + std::to_string(contours.count) +
                           " contours hold NaN or infinities and are dropped: look for an overflow "
                           "in the network (float16?)");
    }
    return found;
}

}  // namespace surgery
