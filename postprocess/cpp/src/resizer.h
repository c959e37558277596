// A resized image, row by row: the caller asks for the rows in ascending order.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "four.h"
#include "row_kernels.h"

namespace pp {

/// A value from 0 to 255, rounded to even, as a byte.
inline std::uint8_t rounded(float value) {
    const float shifted = value + 12582912.0f;  // 1.5 * 2^23: the last place is worth 1
    std::uint32_t bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    return static_cast<std::uint8_t>(bits);
}

/// The source pixels that one pixel of an axis that shrinks covers, and their shares.
struct Cover {
    std::size_t first, last;  // whole ones are first .. last - 1
    float before;             // share of pixel first - 1, 0 for none
    float whole;              // share of each whole one
    float after;              // share of pixel `last`, 0 for none
};

/// OpenCV's table for INTER_AREA (computeResizeAreaTab); shares below a thousandth are left out.
inline std::vector<Cover> covers(std::size_t from, std::size_t to) {
    const double scale = static_cast<double>(from) / static_cast<double>(to);
    std::vector<Cover> table(to);
    for (std::size_t i = 0; i < to; ++i) {
        const double start = static_cast<double>(i) * scale, end = start + scale;
        const double length = std::min(scale, static_cast<double>(from) - start);
        const double last = std::min(std::floor(end), static_cast<double>(from) - 1.0);
        const double first = std::min(std::ceil(start), last);
        Cover& cover = table[i];
        cover = {static_cast<std::size_t>(first), static_cast<std::size_t>(last), 0.0f,
                 static_cast<float>(1.0 / length), 0.0f};
        if (first - start > 1e-3) cover.before = static_cast<float>((first - start) / length);
        if (end - last > 1e-3) {
            cover.after = static_cast<float>(std::min(std::min(end - last, 1.0), length) / length);
        }
    }
    return table;
}

/// The two source pixels that one pixel of an axis lies between, in 2048ths.
struct Between {
    std::size_t first, second;
    int first_share, second_share;
};

/// OpenCV's bilinear table; `area` is INTER_AREA's form of it for an axis that does not shrink.
inline std::vector<Between> betweens(std::size_t from, std::size_t to, bool area) {
    const double inverse = static_cast<double>(to) / static_cast<double>(from);
    const double scale = 1.0 / inverse;
    std::vector<Between> table(to);
    for (std::size_t i = 0; i < to; ++i) {
        const auto place = static_cast<double>(i);
        double whole;
        float share;
        if (area) {
            whole = std::floor(place * scale);
            share = static_cast<float>((place + 1.0) - (whole + 1.0) * inverse);
            share = share <= 0.0f ? 0.0f : share - std::floor(share);
        } else {
            share = static_cast<float>((place + 0.5) * scale - 0.5);
            whole = std::floor(static_cast<double>(share));
            share -= static_cast<float>(whole);
        }
        if (whole < 0.0) {
            whole = 0.0;
            share = 0.0f;
        }
        if (whole >= static_cast<double>(from) - 1.0) {
            whole = static_cast<double>(from) - 1.0;
            share = 0.0f;
        }
        const auto first = static_cast<std::size_t>(whole);
        table[i] = {first, std::min(first + 1, from - 1),
                    static_cast<int>(std::nearbyint((1.0f - share) * 2048.0f)),
                    static_cast<int>(std::nearbyint(share * 2048.0f))};
    }
    return table;
}

/// Both axes shrink: every pixel is the mean of what it covers.
///
/// Rows come first, since they lie in memory as vectors like them: whole ones are summed as 16-bit
/// numbers, and meet the ones at the edges as floats.
class AreaResizer {
  public:
    AreaResizer(std::size_t height, std::size_t width, std::size_t to_height, std::size_t to_width)
        : kernels_(row_kernels()),
          width_(width),
          rows_(covers(height, to_height)),
          columns_(covers(width, to_width)),
          half_(height == 2 * to_height && width == 2 * to_width ? 0.125f : 0.0f),
          sum_(3 * width),
          mean_(3 * width + 1) {}

    void row(const std::uint8_t* image, std::size_t y, std::uint8_t* to) {
        const Cover& cover = rows_[y];
        const std::size_t count = 3 * width_;
        const std::uint8_t* before = image + (cover.first - (cover.before > 0.0f)) * count;
        const std::uint8_t* after = image + cover.last * count;
        const float shares[3] = {cover.before, cover.whole, cover.after};
        std::fill(sum_.begin(), sum_.end(), std::uint16_t{0});
        std::size_t from = cover.first;
        const std::size_t first_end = std::min(cover.last, from + kMostRows);
        for (; from < first_end; ++from) kernels_.add(sum_.data(), image + from * count, count);
        kernels_.weigh(mean_.data(), before, sum_.data(), after, shares, count);
        for (; from < cover.last; ++from) {  // more rows than 16 bits take: a very small result
            const std::uint8_t* row = image + from * count;
            for (std::size_t i = 0; i < count; ++i) {
                mean_[i] += static_cast<float>(row[i]) * cover.whole;
            }
        }
        for (const Cover& column : columns_) {
            pixel(column, to);
            to += 3;
        }
    }

  private:
    static constexpr std::size_t kMostRows = 257;  // 257 * 255 = 2^16 - 1

    void pixel(const Cover& cover, std::uint8_t* to) const {
        const float* from = mean_.data() + 3 * cover.first;
        Four total = Four::all(0.0f);
        for (std::size_t x = cover.first; x < cover.last; ++x, from += 3) {
            total = total + Four::load(from);
        }
        total = total * Four::all(cover.whole);
        if (cover.before > 0.0f) {
            const float* left = mean_.data() + 3 * (cover.first - 1);
            total = total + Four::load(left) * Four::all(cover.before);
        }
        if (cover.after > 0.0f) total = total + Four::load(from) * Four::all(cover.after);
        float channels[4];
        total.store(channels);
        for (std::size_t c = 0; c < 3; ++c) to[c] = rounded(channels[c] + half_);
    }

    const RowKernels& kernels_;
    std::size_t width_;
    std::vector<Cover> rows_, columns_;
    float half_;  // OpenCV rounds the mean of 2 x 2 half up, all others half to even
    std::vector<std::uint16_t> sum_;
    std::vector<float> mean_;
};

/// An axis grows: every pixel lies between two in each direction.
class LinearResizer {
  public:
    LinearResizer(std::size_t height, std::size_t width, std::size_t to_height,
                  std::size_t to_width, bool area)
        : width_(width),
          rows_(betweens(height, to_height, area)),
          columns_(betweens(width, to_width, area)),
          top_(3 * to_width),
          bottom_(3 * to_width) {}

    void row(const std::uint8_t* image, std::size_t y, std::uint8_t* to) {
        const Between& between = rows_[y];
        across(image + between.first * 3 * width_, &top_);
        across(image + between.second * 3 * width_, &bottom_);
        for (std::size_t i = 0; i < top_.size(); ++i) {  // the shifts are OpenCV's
            const int sum = ((between.first_share * (top_[i] >> 4)) >> 16) +
                            ((between.second_share * (bottom_[i] >> 4)) >> 16);
            to[i] = static_cast<std::uint8_t>(std::clamp((sum + 2) >> 2, 0, 255));
        }
    }

  private:
    void across(const std::uint8_t* row, std::vector<int>* result) const {
        int* to = result->data();
        for (const Between& between : columns_) {
            const std::uint8_t* left = row + 3 * between.first;
            const std::uint8_t* right = row + 3 * between.second;
            for (std::size_t c = 0; c < 3; ++c) {
                *to++ = left[c] * between.first_share + right[c] * between.second_share;
            }
        }
    }

    std::size_t width_;
    std::vector<Between> rows_, columns_;
    std::vector<int> top_, bottom_;
};

/// Call `each(y, row)` with every row of the resized image, ascending. Sides are at least 1.
template <class Each>
void resize_rows(const std::uint8_t* image, std::size_t height, std::size_t width,
                 std::size_t to_height, std::size_t to_width, Each&& each) {
    if (height == to_height && width == to_width) {
        for (std::size_t y = 0; y < height; ++y) each(y, image + y * 3 * width);
        return;
    }
    std::vector<std::uint8_t> row(3 * to_width);
    const auto run = [&](auto resizer) {
        for (std::size_t y = 0; y < to_height; ++y) {
            resizer.row(image, y, row.data());
            each(y, row.data());
        }
    };
    const bool fewer = static_cast<double>(to_height) * static_cast<double>(to_width) <
                       static_cast<double>(height) * static_cast<double>(width);
    if (fewer && to_height <= height && to_width <= width) {
        run(AreaResizer(height, width, to_height, to_width));
    } else {
        run(LinearResizer(height, width, to_height, to_width, fewer));
    }
}

}  // namespace pp
