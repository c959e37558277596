#include "joints.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace surgery {
namespace {

std::array<float, 4> around(const std::vector<float>& joints) {
    std::array<float, 4> box = {joints[0], joints[1], joints[0], joints[1]};
    for (std::size_t i = 3; i < joints.size(); i += 3) {
        box = {std::min(box[0], joints[i]), std::min(box[1], joints[i + 1]),
               std::max(box[2], joints[i]), std::max(box[3], joints[i + 1])};
    }
    return box;
}

}  // namespace

float mean(const std::vector<float>& scores) {
    const float sum = std::accumulate(scores.begin(), scores.end(), 0.0F);
    return scores.empty() ? 0 : sum / static_cast<float>(scores.size());
}

Instances single_person(std::vector<float> joints, float score, float threshold,
                        std::vector<std::string>& warnings) {
    if (!std::all_of(joints.begin(), joints.end(),
                     [](float value) { return std::isfinite(value); })) {
        warnings.emplace_back("a joint is NaN or infinite: the person is dropped");
        return {};
    }
    if (joints.empty() || score < threshold) {
        return {};
    }
    const std::array<float, 4> box = around(joints);
    return {{score, 0, box, {}, std::move(joints)}};
}

std::vector<float> joined(const std::vector<float>& points, const std::vector<float>& scores,
                          float scale_x, float scale_y) {
    std::vector<float> joints;
    for (std::size_t i = 0; i < scores.size(); ++i) {
        joints.insert(joints.end(),
                      {points[2 * i] * scale_x, points[2 * i + 1] * scale_y, scores[i]});
    }
    return joints;
}

}  // namespace surgery
