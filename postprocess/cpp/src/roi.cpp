// ROI align without the half-pixel shift: bilinear averages over the bins of boxes.
//
// A bin's average is separable: first the rows that it covers, then the columns.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "boundary.h"
#include "postprocess/decode.h"

namespace pp {
namespace {

/// What each pixel of a row or column contributes to each bin between two places.
class BinWeights {
  public:
    BinWeights(std::size_t bins, std::size_t length)
        : length_(length), weights_(bins * length), ranges_(bins), sums_(length) {}

    void set(double start, double end) {
        const auto bins = static_cast<double>(ranges_.size());
        const double size = std::max(end - start, 1.0) / bins;
        for (std::size_t bin = 0; bin < ranges_.size(); ++bin) {
            average(bin, start, size);
        }
    }

    struct Range {
        std::size_t first, end;
    };

    /// Pixels that contribute to a bin.
    Range range(std::size_t bin) const { return ranges_[bin]; }
    float at(std::size_t bin, std::size_t pixel) const { return weights_[bin * length_ + pixel]; }

  private:
    /// The mean of ceil(size) samples; those farther out than a pixel count as 0.
    void average(std::size_t bin, double start, double size) {
        const double samples = std::ceil(size), most = static_cast<double>(length_ - 1);
        const auto place = [&](double sample) {
            return start + (static_cast<double>(bin) + (sample + 0.5) / samples) * size;
        };
        std::fill(sums_.begin(), sums_.end(), 0.0);
        Range& range = ranges_[bin] = {length_, 0};
        // Samples lie half a pixel to a pixel apart: no more than these can lie near the map.
        const double before = std::floor((-2.0 - place(0.0)) * samples / size);
        const double first = std::clamp(before, 0.0, samples);
        const double count = std::min(samples - first, 2.0 * most + 10.0);
        for (double i = 0.0; i < count; i += 1.0) {
            const double at = place(first + i);
            if (!(at >= -1.0 && at <= most + 1.0)) continue;
            const double inside = std::clamp(at, 0.0, most);
            const auto low = static_cast<std::size_t>(inside);
            const std::size_t high = std::min(low + 1, length_ - 1);
            sums_[low] += 1.0 - (inside - static_cast<double>(low));
            if (high != low) sums_[high] += 1.0 - (static_cast<double>(high) - inside);
            range = {std::min(range.first, low), std::max(range.end, high + 1)};
        }
        for (std::size_t pixel = 0; pixel < length_; ++pixel) {
            weights_[bin * length_ + pixel] = static_cast<float>(sums_[pixel] / samples);
        }
    }

    std::size_t length_;
    std::vector<float> weights_;
    std::vector<Range> ranges_;
    std::vector<double> sums_;
};

/// One channel's bins; `row` is scratch of the map's width.
void pool(const float* map, std::size_t width, const BinWeights& vertical, std::size_t rows,
          const BinWeights& horizontal, std::size_t columns, float* row, float* to) {
    for (std::size_t r = 0; r < rows; ++r) {
        std::fill_n(row, width, 0.0f);
        const auto [top, bottom] = vertical.range(r);
        for (std::size_t y = top; y < bottom; ++y) {
            const float weight = vertical.at(r, y);
            const float* pixels = map + y * width;
            for (std::size_t x = 0; x < width; ++x) row[x] += weight * pixels[x];
        }
        for (std::size_t c = 0; c < columns; ++c) {
            const auto [left, right] = horizontal.range(c);
            float sum = 0.0f;
            for (std::size_t x = left; x < right; ++x) sum += row[x] * horizontal.at(c, x);
            *to++ = sum;
        }
    }
}

}  // namespace
}  // namespace pp

extern "C" pp_status pp_roi_align(const float* feature, size_t channels, size_t height,
                                  size_t width, const float* boxes, size_t count, size_t rows,
                                  size_t columns, float* regions, size_t capacity) {
    size_t plane, values, coordinates, region, needed, vertical_size, horizontal_size;
    if (height == 0 || width == 0 || rows == 0 || columns == 0 ||
        !pp::product({height, width}, &plane) || !pp::product({channels, plane}, &values) ||
        !pp::product({count, 4}, &coordinates) || !pp::product({rows, height}, &vertical_size) ||
        !pp::product({columns, width}, &horizontal_size) ||
        !pp::product({channels, rows, columns}, &region) ||
        !pp::product({count, region}, &needed)) {
        return PP_ERROR_SHAPE;
    }
    if (needed && (!feature || !boxes || !regions)) return PP_ERROR_NULL;
    if (capacity < needed) return PP_ERROR_CAPACITY;
    if (needed == 0) return PP_OK;

    return pp::guarded([&] {
        pp::BinWeights vertical(rows, height), horizontal(columns, width);
        std::vector<float> row(width);
        for (size_t i = 0; i < count; ++i) {
            const float* box = boxes + 4 * i;
            float* to = regions + i * region;
            if (!std::all_of(box, box + 4, [](float side) { return std::isfinite(side); })) {
                std::fill_n(to, region, std::numeric_limits<float>::quiet_NaN());
                continue;
            }
            horizontal.set(static_cast<double>(box[0]), static_cast<double>(box[2]));
            vertical.set(static_cast<double>(box[1]), static_cast<double>(box[3]));
            for (size_t channel = 0; channel < channels; ++channel) {
                pp::pool(feature + channel * plane, width, vertical, rows, horizontal, columns,
                         row.data(), to + channel * rows * columns);
            }
        }
        return PP_OK;
    });
}
