// Gaussian blur of a heatmap at single pixels, with OpenCV's weights for sigma 0.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <vector>

namespace pp {

/// OpenCV's getGaussianKernel(side, 0): a table for short ones, a formula for longer ones.
inline std::vector<double> gaussian_kernel(std::size_t side) {
    switch (side) {
        case 1:
            return {1.0};
        case 3:
            return {0.25, 0.5, 0.25};
        case 5:
            return {0.0625, 0.25, 0.375, 0.25, 0.0625};
        case 7:
            return {0.03125, 0.109375, 0.21875, 0.28125, 0.21875, 0.109375, 0.03125};
        default:
            break;
    }
    const double sigma = 0.3 * ((static_cast<double>(side) - 1.0) * 0.5 - 1.0) + 0.8;
    std::vector<double> weights(side);
    double total = 0.0;
    for (std::size_t i = 0; i < side; ++i) {
        const double distance = static_cast<double>(i) - static_cast<double>(side / 2);
        weights[i] = std::exp(-(distance * distance) / (2.0 * sigma * sigma));
        total += weights[i];
    }
    for (double& weight : weights) weight /= total;
    return weights;
}

enum class Border { kZero, kReflect };

/// OpenCV's BORDER_REFLECT_101: ...2 1 | 0 1 2 ... without repeating the border.
inline std::ptrdiff_t reflected(std::ptrdiff_t index, std::ptrdiff_t size) {
    if (size == 1) return 0;
    const std::ptrdiff_t period = 2 * (size - 1);
    const std::ptrdiff_t folded = std::abs(index) % period;
    return folded < period - folded ? folded : period - folded;
}

class Blur {
  public:
    Blur(std::size_t side, Border border, std::size_t height, std::size_t width)
        : weights_(gaussian_kernel(side)),
          radius_(static_cast<std::ptrdiff_t>(side / 2)),
          border_(border),
          height_(static_cast<std::ptrdiff_t>(height)),
          width_(static_cast<std::ptrdiff_t>(width)) {}

    /// Blurred value at a pixel; NaN, and with Border::kZero outside, counts as 0.
    double at(const float* map, std::ptrdiff_t x, std::ptrdiff_t y) const {
        const bool inside = x >= radius_ && x + radius_ < width_ && y >= radius_ &&
                            y + radius_ < height_;  // no border to look out for
        if (inside) {
            return total([&](std::ptrdiff_t column, std::ptrdiff_t row) {
                return number(map[(y + row) * width_ + x + column]);
            });
        }
        return total([&](std::ptrdiff_t column, std::ptrdiff_t row) {
            return value(map, x + column, y + row);
        });
    }

  private:
    template <class Value>
    double total(Value&& value_at) const {
        double total = 0.0;
        for (std::ptrdiff_t row = -radius_; row <= radius_; ++row) {
            double across = 0.0;
            for (std::ptrdiff_t column = -radius_; column <= radius_; ++column) {
                across +=
                    weights_[static_cast<std::size_t>(column + radius_)] * value_at(column, row);
            }
            total += weights_[static_cast<std::size_t>(row + radius_)] * across;
        }
        return total;
    }

    static double number(float value) {
        return std::isnan(value) ? 0.0 : static_cast<double>(value);
    }

    double value(const float* map, std::ptrdiff_t x, std::ptrdiff_t y) const {
        if (border_ == Border::kReflect) {
            x = reflected(x, width_);
            y = reflected(y, height_);
        } else if (x < 0 || x >= width_ || y < 0 || y >= height_) {
            return 0.0;
        }
        return number(map[y * width_ + x]);
    }

    std::vector<double> weights_;
    std::ptrdiff_t radius_;
    Border border_;
    std::ptrdiff_t height_, width_;
};

}  // namespace pp
