// Where a polygon changes outside and inside, as COCO's rleFrPoly has it (postprocess/decoders/
// masks.py says how): an edge is looked at once for each column of the mask that it passes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace pp {

constexpr double kScale = 5.0;     // steps of the boundary's grid a pixel
constexpr double kFarthest = 1e8;  // pixels

struct GridPoint {
    double x, y;
};

inline double on_grid(float coordinate) {
    const double clamped = std::clamp(static_cast<double>(coordinate), -kFarthest, kFarthest);
    return std::trunc(kScale * clamped + 0.5);
}

/// One edge, turned so that it walks right where it is flat and down where it is steep.
class Edge {
  public:
    Edge(GridPoint start, GridPoint end) {
        flat_ = std::fabs(end.x - start.x) >= std::fabs(end.y - start.y);
        if (flat_ ? start.x > end.x : start.y > end.y) std::swap(start, end);
        start_ = start;
        low_ = std::min(start.x, end.x);
        high_ = std::max(start.x, end.x);
        const double across = end.x - start.x, down = end.y - start.y;
        slope_ = low_ == high_ ? 0.0 : (flat_ ? down / across : across / down);
    }

    /// Call `each(column, y)` for every column in [0, width) whose middle the edge passes.
    template <class Each>
    void columns(std::size_t width, Each&& each) const {
        // The step from 5 c + 2 to the next one passes the middle of column c.
        const double first = std::max(0.0, std::ceil((low_ - 2.0) / kScale));
        const double last =
            std::min(static_cast<double>(width) - 1.0, std::floor((high_ - 3.0) / kScale));
        for (double column = first; column <= last; column += 1.0) {
            const double middle = kScale * column + 2.0;
            each(static_cast<std::size_t>(column),
                 flat_ ? above_flat(middle) : above_steep(middle));
        }
    }

  private:
    double above_flat(double middle) const {
        const double before = std::trunc(start_.y + slope_ * (middle - start_.x) + 0.5);
        const double after = std::trunc(start_.y + slope_ * (middle + 1.0 - start_.x) + 0.5);
        return std::min(before, after);
    }

    double above_steep(double middle) const {
        const auto passed = [&](double step) {
            const bool right = std::trunc(start_.x + slope_ * step + 0.5) >= middle + 1.0;
            return right == (slope_ > 0.0);
        };
        double step = std::ceil((middle + 0.5 - start_.x) / slope_);  // but for rounding
        if (passed(step - 1.0)) step -= 1.0;
        if (!passed(step)) step += 1.0;
        return start_.y + step - 1.0;
    }

    GridPoint start_;
    double low_, high_, slope_;
    bool flat_;
};

/// Places, counted down the columns, from which on outside and inside change; ascending.
class BoundaryWalk {
  public:
    BoundaryWalk(std::size_t height, std::size_t width) : height_(height), width_(width) {}

    const std::vector<std::uint64_t>& changes(const float* contour, std::size_t points) {
        places_.clear();
        for (std::size_t i = 0; i < 2 * points; ++i) {
            if (std::isnan(contour[i])) return places_;
        }
        const auto at = [&](std::size_t i) {
            return GridPoint{on_grid(contour[2 * i]), on_grid(contour[2 * i + 1])};
        };
        for (std::size_t i = 0; i < points; ++i) {
            Edge(at(i), at(i + 1 < points ? i + 1 : 0))
                .columns(width_, [&](std::size_t column, double y) {
                    const double bottom = static_cast<double>(height_);
                    const double row = std::ceil(std::clamp((y + 0.5) / kScale - 0.5, 0.0, bottom));
                    places_.push_back(column * height_ + static_cast<std::uint64_t>(row));
                });
        }
        std::sort(places_.begin(), places_.end());
        return places_;
    }

  private:
    std::size_t height_, width_;
    std::vector<std::uint64_t> places_;
};

}  // namespace pp
