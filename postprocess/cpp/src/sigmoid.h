// The sigmoid as the numpy reference takes it, and the way back.
#pragma once

#include <cmath>
#include <limits>

namespace pp {

/// Probability of a logit in double precision, rounded to float; the value itself without logits.
inline float probability(float value, bool logits) {
    if (!logits) return value;
    return static_cast<float>(1.0 / (1.0 + std::exp(-static_cast<double>(value))));
}

/// A value at or below every one whose probability reaches the threshold.
inline float lowest_value(float threshold, bool logits) {
    constexpr float kMost = std::numeric_limits<float>::infinity();
    if (!logits) return threshold;
    const double below = std::nextafter(threshold, -kMost);
    if (below <= 0.0) return -kMost;
    if (below >= 1.0) return kMost;
    const double logit = std::log(below / (1.0 - below));
    return static_cast<float>(logit - 1e-6 * (1.0 + std::fabs(logit)));
}

}  // namespace pp
