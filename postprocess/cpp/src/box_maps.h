// CenterNet's box at a peak.
#pragma once

#include <cstddef>
#include <cstdint>

#include "postprocess/decode.h"

namespace pp {

/// The maps of one image behind the heatmap; `offset` may be NULL.
struct BoxMaps {
    const float* size;
    const float* offset;
    std::size_t plane, width;

    void box(std::int64_t x, std::int64_t y, const pp_ctdet_options& options,
             float* corners) const {
        const std::size_t at = static_cast<std::size_t>(y) * width + static_cast<std::size_t>(x);
        float centre_x = static_cast<float>(x), centre_y = static_cast<float>(y);
        if (offset) {
            centre_x += offset[at];
            centre_y += offset[plane + at];
        }
        centre_x += options.center_shift;
        centre_y += options.center_shift;
        const float first = size[at] * options.size_factor;
        const float second = size[plane + at] * options.size_factor;
        if (options.ltrb) {
            corners[0] = centre_x - first;
            corners[1] = centre_y - second;
            corners[2] = centre_x + size[2 * plane + at] * options.size_factor;
            corners[3] = centre_y + size[3 * plane + at] * options.size_factor;
        } else {
            corners[0] = centre_x - first / 2.0f;
            corners[1] = centre_y - second / 2.0f;
            corners[2] = centre_x + first / 2.0f;
            corners[3] = centre_y + second / 2.0f;
        }
    }
};

}  // namespace pp
