#include "contours.h"

#include <algorithm>
#include <cmath>

#include "kernels.h"

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

/// A result of the same count from one of the library's functions.
template <typename Call>
Contours filled(std::size_t count, std::size_t points, const char* what, Call call) {
    Contours result(count, points);
    expect_ok(call(result.xy.data(), result.xy.size()), what);
    return result;
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
    expect_ok(
        pp_clip_points(contours.xy.data(), contours.xy.size() / 2, static_cast<std::size_t>(height),
                       static_cast<std::size_t>(width), contours.xy.data(), contours.xy.size()),
        "clip");
}

Contours canonical(const Contours& contours) {
    return filled(contours.count, contours.points, "canonical", [&](float* to, std::size_t size) {
        return pp_canonical_contours(contours.xy.data(), contours.count, contours.points, to, size);
    });
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
    return filled(boxes.count, 4, "diamonds", [&](float* to, std::size_t size) {
        return pp_diamonds(boxes.xy.data(), boxes.count, to, size);
    });
}

Contours octagons(const Contours& extreme) {
    return filled(extreme.count, 12, "octagons", [&](float* to, std::size_t size) {
        return pp_octagons(extreme.xy.data(), extreme.count, to, size);
    });
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
    constexpr int kLeast = 3;  // additional zigzag points that send a contour back
    return filled(last.count, last.points, "undo_jagged", [&](float* to, std::size_t size) {
        return pp_undo_jagged(previous.xy.data(), last.xy.data(), last.count, last.points, kLeast,
                              to, size);
    });
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
