/// Instances of networks that see one person an image: postprocess/decoders/_single.py.
#pragma once

#include <string>
#include <vector>

#include "instances.h"

namespace surgery {

/// The mean; 0 of nothing.
float mean(const std::vector<float>& scores);

/// Nobody where a joint is not finite, which `warnings` tells, or where the score is below the
/// threshold. `joints` holds x, y, score of each, network-input pixels; the box goes around them.
Instances single_person(std::vector<float> joints, float score, float threshold,
                        std::vector<std::string>& warnings);

/// x, y, score of each joint; `points` are multiplied by `scale_x` and `scale_y`.
std::vector<float> joined(const std::vector<float>& points, const std::vector<float>& scores,
                          float scale_x, float scale_y);

}  // namespace surgery
