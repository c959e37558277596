// Points along closed polygons, shared out by edge length.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "boundary.h"
#include "postprocess/decode.h"

namespace pp {
namespace {

/// Resamples polygons of one size; holds the scratch space.
class Resampler {
  public:
    Resampler(std::size_t vertices, std::size_t count)
        : vertices_(vertices), count_(count), lengths_(vertices), shares_(vertices) {}

    void run(const float* polygon, float* points) {
        for (std::size_t edge = 0; edge < vertices_; ++edge) {
            const float* from = polygon + 2 * edge;
            const float* to = polygon + 2 * next(edge);
            const float dx = to[0] - from[0], dy = to[1] - from[1];
            lengths_[edge] = std::sqrt(dx * dx + dy * dy);
        }
        if (vertices_ > count_) {
            keep_longest(polygon, points);
        } else {
            share_out();
            interpolate(polygon, points);
        }
    }

  private:
    std::size_t next(std::size_t edge) const { return edge + 1 < vertices_ ? edge + 1 : 0; }

    /// Edges in descending order of `weight`, ties to the earlier one, NaN last.
    template <class Weights>
    void sort_edges(const Weights& weight) {
        order_.resize(vertices_);
        std::iota(order_.begin(), order_.end(), std::size_t{0});
        std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
            return weight[a] > weight[b] || (weight[b] != weight[b] && weight[a] == weight[a]);
        });
    }

    void keep_longest(const float* polygon, float* points) {
        sort_edges(lengths_);
        const auto last = order_.begin() + static_cast<std::ptrdiff_t>(count_);
        std::sort(order_.begin(), last);
        for (auto edge = order_.begin(); edge != last; ++edge) {
            *points++ = polygon[2 * *edge];
            *points++ = polygon[2 * *edge + 1];
        }
    }

    /// Number of points of each edge: at least one, `count_` together.
    void share_out() {
        std::fill(shares_.begin(), shares_.end(), std::size_t{1});
        float perimeter = 0.0f;
        for (const float length : lengths_) perimeter += length;
        if (perimeter > 0.0f && perimeter < std::numeric_limits<float>::infinity()) {
            for (std::size_t edge = 0; edge < vertices_; ++edge) {
                const auto most = static_cast<float>(count_);  // the product may overflow
                const float wanted = std::min(lengths_[edge] * most / perimeter, most);
                shares_[edge] =
                    std::max<std::size_t>(static_cast<std::size_t>(std::nearbyint(wanted)), 1);
            }
        }
        const std::size_t total = std::accumulate(shares_.begin(), shares_.end(), std::size_t{0});
        sort_edges(shares_);
        if (total < count_) {
            shares_[order_[0]] += count_ - total;
            return;
        }
        std::size_t surplus = total - count_;
        for (const std::size_t edge : order_) {
            const std::size_t taken = std::min(surplus, shares_[edge] - 1);
            shares_[edge] -= taken;
            surplus -= taken;
        }
    }

    void interpolate(const float* polygon, float* points) const {
        for (std::size_t edge = 0; edge < vertices_; ++edge) {
            const float* from = polygon + 2 * edge;
            const float* to = polygon + 2 * next(edge);
            for (std::size_t step = 0; step < shares_[edge]; ++step) {
                const float weight = static_cast<float>(step) / static_cast<float>(shares_[edge]);
                *points++ = from[0] * (1.0f - weight) + to[0] * weight;
                *points++ = from[1] * (1.0f - weight) + to[1] * weight;
            }
        }
    }

    std::size_t vertices_, count_;
    std::vector<float> lengths_;
    std::vector<std::size_t> shares_, order_;
};

}  // namespace
}  // namespace pp

extern "C" {

pp_status pp_resample(const float* polygons, size_t batch, size_t vertices, size_t count,
                      float* points, size_t capacity) {
    if (count == 0) return PP_ERROR_PARAMETER;
    size_t values, needed;
    if (vertices == 0 || !pp::product({batch, vertices, 2}, &values) ||
        !pp::product({batch, count, 2}, &needed)) {
        return PP_ERROR_SHAPE;
    }
    if (batch && (!polygons || !points)) return PP_ERROR_NULL;
    if (capacity < needed) return PP_ERROR_CAPACITY;

    return pp::guarded([&] {
        if (batch == 0) return PP_OK;
        pp::Resampler resampler(vertices, count);
        for (size_t i = 0; i < batch; ++i) {
            resampler.run(polygons + i * vertices * 2, points + i * count * 2);
        }
        return PP_OK;
    });
}

}  // extern "C"
