// The first maximum of an array, NaN passed over.
#pragma once

#include <algorithm>
#include <cstddef>

#include "non_finite.h"
#include "row_kernels.h"

namespace pp {

struct Maximum {
    std::size_t place;  // the number of values where there is nothing but NaN
    float value;        // 0 then
};

/// Looks at each value once for the maximum, and again only in the block that holds it.
inline Maximum first_maximum(const RowKernels& kernels, const float* values, std::size_t count,
                             pp_non_finite* seen) {
    constexpr std::size_t kBlock = 1024;
    RowSummary best = kernels.summary(values, std::min(count, kBlock));
    if (!best.finite) count_non_finite(values, std::min(count, kBlock), seen);
    std::size_t from = 0;
    for (std::size_t start = kBlock; start < count; start += kBlock) {
        const std::size_t length = std::min(count - start, kBlock);
        const RowSummary block = kernels.summary(values + start, length);
        if (!block.finite) count_non_finite(values + start, length, seen);
        if (block.largest > best.largest) {
            best = block;
            from = start;
        }
    }
    // Where the maximum is -inf, a block of NaN may come before it.
    std::size_t length = std::min(count - from, kBlock);
    std::size_t place = kernels.find(values + from, length, best.largest);
    while (place == length && from + length < count) {
        from += length;
        length = std::min(count - from, kBlock);
        place = kernels.find(values + from, length, best.largest);
    }
    if (place == length) return {count, 0.0f};
    return {from + place, best.largest};
}

}  // namespace pp
