// Counting NaN and infinities.
#pragma once

#include <cmath>
#include <cstddef>

#include "postprocess/decode.h"

namespace pp {

inline void count_non_finite(const float* values, std::size_t count, pp_non_finite* total) {
    for (std::size_t i = 0; i < count; ++i) {
        if (std::isnan(values[i])) {
            ++total->nan;
        } else if (std::isinf(values[i])) {
            ++(values[i] > 0 ? total->positive_infinity : total->negative_infinity);
        }
    }
}

}  // namespace pp
