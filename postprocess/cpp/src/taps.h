// Where the points of pp_sample read: the four pixels around each and their weights, sorted by row.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "row_kernels.h"

namespace pp {

/// From feature pixels to the pixel grid that grid_sample reads, along one axis.
class Source {
  public:
    Source(std::size_t size, bool align_corners)
        : factor_(align_corners ? static_cast<float>((static_cast<double>(size) - 1.0) /
                                                     static_cast<double>(size))
                                : 1.0f),
          offset_(align_corners ? 0.0f : 0.5f),
          end_(static_cast<float>(size)) {}
    float operator()(float coordinate) const { return coordinate * factor_ - offset_; }
    /// Whether a pixel of the map has a weight there; NaN has none.
    bool reaches(float position) const { return position > -1.0f && position < end_; }

  private:
    float factor_, offset_, end_;
};

/// The two pixels that a position of more than -1 lies between.
struct Neighbours {
    std::size_t after;  // index of the later one; the earlier one may be -1
    float weights[2];   // of the earlier and of the later one

    explicit Neighbours(float position) {
        auto whole = static_cast<std::ptrdiff_t>(position);  // std::floor is a call into libm
        if (static_cast<float>(whole) > position) --whole;
        after = static_cast<std::size_t>(whole + 1);
        weights[1] = position - static_cast<float>(whole);
        weights[0] = 1.0f - weights[1];
    }
    /// Whether both are pixels of `size` ones.
    bool inside(std::size_t size) const { return after != 0 && after != size; }
};

struct TapRange {
    const Tap *first, *last;
    const Tap* begin() const { return first; }
    const Tap* end() const { return last; }
    std::size_t size() const { return static_cast<std::size_t>(last - first); }
};

/// The taps of all points but those that read no pixel of the map.
class SortedTaps {
  public:
    SortedTaps(std::size_t height, std::size_t width) : height_(height), width_(width) {}

    /// Sort points (count, 2): by row, or with `by_row` false those alone that read over the
    /// map's border. Calls outside(i) for a point that reads no pixel.
    template <class Outside>
    void sort(const float* points, std::size_t count, bool align_corners, bool by_row,
              Outside&& outside) {
        const Source source_x(width_, align_corners), source_y(height_, align_corners);
        const std::size_t whole = height_ + 1, none = height_ + 2;
        const std::unique_ptr<std::size_t[]> bins(new std::size_t[count]);
        ends_.assign(none + 1, 0);
        for (std::size_t i = 0; i < count; ++i) {
            const float x = source_x(points[2 * i]), y = source_y(points[2 * i + 1]);
            if (!source_x.reaches(x) || !source_y.reaches(y)) {
                bins[i] = none;
                outside(i);
                continue;
            }
            const Neighbours rows(y);
            const bool inside = rows.inside(height_) && Neighbours(x).inside(width_);
            bins[i] = inside && !by_row ? whole : rows.after;
            ++ends_[bins[i] + 1];
        }
        for (std::size_t bin = 1; bin <= none; ++bin) ends_[bin] += ends_[bin - 1];
        taps_.reset(new Tap[ends_[none]]);
        for (std::size_t i = 0; i < count; ++i) {  // every start moves to its bin's end
            if (bins[i] == none) continue;
            const Neighbours columns(source_x(points[2 * i])), rows(source_y(points[2 * i + 1]));
            const float *across = columns.weights, *down = rows.weights;
            taps_[ends_[bins[i]]++] = {
                {across[0] * down[0], across[1] * down[0], across[0] * down[1],
                 across[1] * down[1]},
                bins[i] == whole ? (rows.after - 1) * width_ + columns.after - 1 : columns.after,
                i};
        }
    }

    /// Taps whose lower pixels lie in `row`, 0 to height; `pixel` is the left column plus 1.
    TapRange row(std::size_t row) const { return bin(row); }
    /// Taps of all rows together.
    bool rows_are_empty() const { return ends_[height_] == 0; }
    /// The rest; `pixel` is the offset in a plane.
    TapRange rest() const { return bin(height_ + 1); }

  private:
    TapRange bin(std::size_t at) const {
        return {taps_.get() + (at == 0 ? 0 : ends_[at - 1]), taps_.get() + ends_[at]};
    }

    std::size_t height_, width_;
    std::vector<std::size_t> ends_;  // of each row's taps, then of the rest
    std::unique_ptr<Tap[]> taps_;
};

}  // namespace pp
