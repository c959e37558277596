/// What a decoder finds in one image, in pixels of the network's input.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace surgery {

/// `count` closed polygons of `points` vertices: (count, points, 2), x before y.
struct Contours {
    std::size_t count = 0;
    std::size_t points = 0;
    std::vector<float> xy;

    Contours() = default;
    Contours(std::size_t how_many, std::size_t vertices)
        : count(how_many), points(vertices), xy(how_many * vertices * 2) {}

    float* at(std::size_t i) { return xy.data() + i * points * 2; }
    const float* at(std::size_t i) const { return xy.data() + i * points * 2; }
};

/// One object. Either `contour` (x, y pairs) or `keypoints` (x, y, score triples) is filled, or
/// neither for a box alone.
struct Instance {
    float score = 0;
    std::int64_t class_index = 0;
    std::array<float, 4> box{};  // x1, y1, x2, y2
    std::vector<float> contour;
    std::vector<float> keypoints;
    int track = 0;  // id in a video, from 1 on; 0 without one
};

/// Score descending.
using Instances = std::vector<Instance>;

}  // namespace surgery
