// max and min as numpy has them: NaN where either is NaN.
#pragma once

#include <cmath>

namespace pp {

inline float maximum(float a, float b) { return a > b || std::isnan(a) ? a : b; }
inline float minimum(float a, float b) { return a < b || std::isnan(a) ? a : b; }

}  // namespace pp
