// Bilinear feature samples.
//
// What costs is memory: the channels of a pixel lie a plane apart, often a power of two, where they
// fight for the same cache sets. Many points are therefore sorted by row, and every row of the map
// is interleaved once, its channels side by side, just before the points that read it: each of them
// then reads four short runs and writes one. Few points read the planes as they are, four at a
// time. Sums are taken in the order of the numpy reference, so that both give the same float32.
#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "boundary.h"
#include "four.h"
#include "postprocess/decode.h"
#include "row_kernels.h"
#include "taps.h"

namespace pp {
namespace {

constexpr std::size_t kChannels = 64;  // interleaved at a time: two rows of them stay in cache

struct alignas(64) CacheLine {
    static constexpr std::size_t size = 16;
    float values[size];
};

class Sampler {
  public:
    Sampler(const float* feature, std::size_t channels, std::size_t height, std::size_t width,
            float* values)
        : feature_(feature),
          channels_(channels),
          height_(height),
          width_(width),
          plane_(height * width),
          values_(values),
          taps_(height, width) {}

    void run(const float* points, std::size_t count, bool align_corners) {
        by_row_ = count > plane_ / 6;  // fewer read too few pixels of a row
        taps_.sort(points, count, align_corners, by_row_, [this](std::size_t point) {
            std::fill_n(values_ + point * channels_, channels_, 0.0f);
        });
        if (!taps_.rows_are_empty()) sample_rows();
        std::size_t c = 0;
        for (; c + 4 <= channels_; c += 4) sample_four_planes(c);
        for (; c < channels_; ++c) sample_plane(c);
    }

  private:
    /// Row by row, with the rows above and below the taps interleaved.
    void sample_rows() const {
        const RowKernels& kernels = row_kernels();
        const std::size_t lines =
            (std::min(channels_, kChannels) + CacheLine::size - 1) / CacheLine::size;
        const std::size_t pitch = lines * CacheLine::size, row_size = (width_ + 2) * pitch;
        std::vector<CacheLine> pixels(2 * (width_ + 2) * lines);  // zeros left and right of the map
        float* above = pixels.data()->values;
        float* below = above + row_size;
        for (std::size_t c = 0; c < channels_; c += kChannels) {
            const std::size_t channels = std::min(kChannels, channels_ - c);
            const auto blend = [&](TapRange taps) {
                kernels.blend(taps.first, taps.size(), above, below, pitch, channels, values_ + c,
                              channels_);
            };
            if (c != 0) std::fill_n(above, row_size, 0.0f);
            for (std::size_t row = 0; row < height_; ++row, std::swap(above, below)) {
                const TapRange taps = taps_.row(row), next = taps_.row(row + 1);
                if (taps.first == next.last) continue;
                const auto [first, last] = columns({taps.first, next.last});
                kernels.interleave(feature_ + c * plane_ + row * width_ + first, plane_, channels,
                                   last - first, below + (first + 1) * pitch, pitch);
                blend(taps);
            }
            if (taps_.row(height_).size() == 0) continue;
            std::fill_n(below, row_size, 0.0f);
            blend(taps_.row(height_));
        }
    }

    /// First and end of the columns to interleave for these taps, in steps of eight.
    std::pair<std::size_t, std::size_t> columns(TapRange taps) const {
        if (by_row_) return {0, width_};
        std::size_t first = width_, last = 0;  // of the right pixels, from 0 to width
        for (const Tap& tap : taps) {
            first = std::min(first, tap.pixel);
            last = std::max(last, tap.pixel);
        }
        first = first == 0 ? 0 : first - 1;
        return {first / 8 * 8, std::min(last / 8 * 8 + 8, width_)};
    }

    void sample_four_planes(std::size_t channel) const {
        const float* from = feature_ + channel * plane_;
        float* values = values_ + channel;
        const std::size_t plane = plane_, width = width_, channels = channels_;
        for (const Tap& tap : taps_.rest()) {
            Four top_left, top_right, bottom_left, bottom_right;
            load_pairs(from + tap.pixel, plane, &top_left, &top_right);
            load_pairs(from + tap.pixel + width, plane, &bottom_left, &bottom_right);
            const Four weights = Four::load(tap.weights);
            Four sum = top_left * weights.spread<0>();
            sum = sum + top_right * weights.spread<1>();
            sum = sum + bottom_left * weights.spread<2>();
            sum = sum + bottom_right * weights.spread<3>();
            sum.store(values + tap.point * channels);
        }
    }

    void sample_plane(std::size_t channel) const {
        for (const Tap& tap : taps_.rest()) {
            const float* top = feature_ + channel * plane_ + tap.pixel;
            const float* bottom = top + width_;
            float sum = top[0] * tap.weights[0];
            sum += top[1] * tap.weights[1];
            sum += bottom[0] * tap.weights[2];
            sum += bottom[1] * tap.weights[3];
            values_[tap.point * channels_ + channel] = sum;
        }
    }

    const float* feature_;
    std::size_t channels_, height_, width_, plane_;
    float* values_;
    SortedTaps taps_;
    bool by_row_ = false;
};

}  // namespace
}  // namespace pp

extern "C" {

pp_status pp_sample(const float* feature, size_t channels, size_t height, size_t width,
                    const float* points, size_t count, int align_corners, float* values,
                    size_t capacity) {
    size_t feature_size, needed, point_size;
    if (!pp::product({channels, height, width}, &feature_size) ||
        !pp::product({count, channels}, &needed) || !pp::product({count, 2}, &point_size)) {
        return PP_ERROR_SHAPE;
    }
    if ((feature_size && !feature) || (point_size && !points) || (needed && !values)) {
        return PP_ERROR_NULL;
    }
    if (capacity < needed) return PP_ERROR_CAPACITY;
    if (needed == 0) return PP_OK;

    return pp::guarded([&] {
        if (feature_size == 0) {
            for (size_t i = 0; i < needed; ++i) values[i] = 0.0f;
            return PP_OK;
        }
        pp::Sampler sampler(feature, channels, height, width, values);
        sampler.run(points, count, align_corners != 0);
        return PP_OK;
    });
}

}  // extern "C"
