// What each byte of each channel becomes in the tensor.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "postprocess/image.h"

namespace pp {

class ValueTables {
  public:
    explicit ValueTables(const pp_normalization& rule) : swap_(rule.swap != 0) {
        for (std::size_t channel = 0; channel < 3; ++channel) {
            for (std::size_t value = 0; value < 256; ++value) {
                values_[channel][value] =
                    (static_cast<float>(value) * rule.scale - rule.mean[channel]) /
                    rule.std[channel];
            }
        }
    }

    /// A row of pixels (width, 3) to the three planes, from `to` on, `plane` floats apart.
    void spread(const std::uint8_t* row, std::size_t width, float* to, std::size_t plane) const {
        const std::size_t first = swap_ ? 2 : 0, third = swap_ ? 0 : 2;
        float* planes[3] = {to, to + plane, to + 2 * plane};
        for (std::size_t x = 0; x < width; ++x, row += 3) {
            planes[0][x] = values_[0][row[first]];
            planes[1][x] = values_[1][row[1]];
            planes[2][x] = values_[2][row[third]];
        }
    }

    /// The value of black in a channel of the tensor.
    float black(std::size_t channel) const { return values_[channel][0]; }

    static bool usable(const pp_normalization& rule) {
        return rule.std[0] != 0.0f && rule.std[1] != 0.0f && rule.std[2] != 0.0f;
    }

  private:
    bool swap_;
    float values_[3][256];
};

}  // namespace pp
