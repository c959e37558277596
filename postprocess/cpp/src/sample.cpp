// Bilinear feature samples.
//
// What costs is memory, since the channels of a pixel lie a whole plane apart, often a power of
// two, where they fight for the same cache sets. So four planes at a time serve all points. With
// many points for the size of a plane the four are interleaved first, which makes every read a
// whole vector. Sums are taken in the order of the numpy reference, so that both give the same
// float32.
#include <cstddef>
#include <memory>
#include <vector>

#include "boundary.h"
#include "four.h"
#include "postprocess/decode.h"

namespace pp {
namespace {

/// Where a point reads: its top left pixel, which may lie outside, and the weights of the four.
struct Corner {
    std::ptrdiff_t column, row;
    std::size_t point;
    float weights[4];  // top left, top right, bottom left, bottom right
};

/// A corner whose four pixels all lie inside.
struct Tap {
    std::size_t pixel;  // offset in a plane
    std::size_t value;  // offset of channel 0 in the output
    float weights[4];
};

/// A list of taps whose memory is not cleared before it is filled.
class Taps {
  public:
    explicit Taps(std::size_t most) : taps_(new Tap[most]) {}
    void add(const Tap& tap) { taps_[size_++] = tap; }
    std::size_t size() const { return size_; }
    const Tap* begin() const { return taps_.get(); }
    const Tap* end() const { return taps_.get() + size_; }

  private:
    std::unique_ptr<Tap[]> taps_;
    std::size_t size_ = 0;
};

/// floor(x) for a small x > -1, without a call into the C library.
float floor_above_minus_one(float x) {
    const auto whole = static_cast<float>(static_cast<std::ptrdiff_t>(x));
    return whole > x ? whole - 1.0f : whole;
}

/// From feature pixels to the pixel grid that grid_sample reads: a factor and an offset.
struct Source {
    float factor, offset;
    Source(std::size_t size, bool align_corners)
        : factor(align_corners ? static_cast<float>((static_cast<double>(size) - 1.0) /
                                                    static_cast<double>(size))
                               : 1.0f),
          offset(align_corners ? 0.0f : 0.5f) {}
    float operator()(float coordinate) const { return coordinate * factor - offset; }
};

class Sampler {
  public:
    Sampler(const float* feature, std::size_t channels, std::size_t height, std::size_t width,
            std::size_t most_points, float* values)
        : feature_(feature),
          channels_(channels),
          height_(height),
          width_(width),
          plane_(height * width),
          values_(values),
          taps_(most_points) {}

    void run(const float* points, std::size_t count, bool align_corners) {
        const Source source_x(width_, align_corners), source_y(height_, align_corners);
        for (std::size_t i = 0; i < count; ++i) {
            place(source_x(points[2 * i]), source_y(points[2 * i + 1]), i);
        }
        // Interleaving a pixel costs about a third of what it then saves at a point.
        const bool interleave = taps_.size() > plane_ / 3;
        if (interleave) four_planes_.reset(new float[4 * plane_]);
        std::size_t c = 0;
        for (; c + 4 <= channels_; c += 4) {
            if (interleave) {
                sample_interleaved(c);
            } else {
                sample_planes(c);
            }
            for (std::size_t near = c; near < c + 4; ++near) sample_border(near);
        }
        for (; c < channels_; ++c) {
            sample_plane(c);
            sample_border(c);
        }
    }

  private:
    /// Sort a point into the taps, the border, or what lies outside and is 0.
    void place(float x, float y, std::size_t point) {
        const bool near = x > -1.0f && x < static_cast<float>(width_) && y > -1.0f &&
                          y < static_cast<float>(height_);  // false for NaN
        if (!near) {
            float* to = values_ + point * channels_;
            for (std::size_t c = 0; c < channels_; ++c) to[c] = 0.0f;
            return;
        }
        const float left = floor_above_minus_one(x), top = floor_above_minus_one(y);
        const float right_weight = x - left, bottom_weight = y - top;
        const float left_weight = 1.0f - right_weight, top_weight = 1.0f - bottom_weight;
        const float weights[4] = {left_weight * top_weight, right_weight * top_weight,
                                  left_weight * bottom_weight, right_weight * bottom_weight};
        const auto column = static_cast<std::ptrdiff_t>(left);
        const auto row = static_cast<std::ptrdiff_t>(top);
        const bool inside = column >= 0 && row >= 0 &&
                            static_cast<std::size_t>(column) + 1 < width_ &&
                            static_cast<std::size_t>(row) + 1 < height_;
        if (inside) {
            const std::size_t pixel =
                static_cast<std::size_t>(row) * width_ + static_cast<std::size_t>(column);
            taps_.add({pixel, point * channels_, {weights[0], weights[1], weights[2], weights[3]}});
        } else {
            border_.push_back(
                {column, row, point, {weights[0], weights[1], weights[2], weights[3]}});
        }
    }

    void sample_border(std::size_t channel) const {
        const float* map = feature_ + channel * plane_;
        const auto stride = static_cast<std::ptrdiff_t>(width_);
        for (const Corner& corner : border_) {
            const bool left = corner.column >= 0;
            const bool right = static_cast<std::size_t>(corner.column + 1) < width_;
            const bool top = corner.row >= 0;
            const bool bottom = static_cast<std::size_t>(corner.row + 1) < height_;
            const std::ptrdiff_t at = corner.row * stride + corner.column;
            float sum = left && top ? map[at] * corner.weights[0] : 0.0f;
            sum += right && top ? map[at + 1] * corner.weights[1] : 0.0f;
            sum += left && bottom ? map[at + stride] * corner.weights[2] : 0.0f;
            sum += right && bottom ? map[at + stride + 1] * corner.weights[3] : 0.0f;
            values_[corner.point * channels_ + channel] = sum;
        }
    }

    static Four weighted(const Tap& tap, Four top_left, Four top_right, Four bottom_left,
                         Four bottom_right) {
        const Four weights = Four::load(tap.weights);
        Four sum = top_left * weights.spread<0>();
        sum = sum + top_right * weights.spread<1>();
        sum = sum + bottom_left * weights.spread<2>();
        return sum + bottom_right * weights.spread<3>();
    }

    void sample_interleaved(std::size_t channel) {
        const float* from = feature_ + channel * plane_;
        float* to = four_planes_.get();
        std::size_t pixel = 0;
        for (; pixel + 4 <= plane_; pixel += 4) {
            store_interleaved(Four::load(from + pixel), Four::load(from + plane_ + pixel),
                              Four::load(from + 2 * plane_ + pixel),
                              Four::load(from + 3 * plane_ + pixel), to + 4 * pixel);
        }
        for (; pixel < plane_; ++pixel) {
            for (std::size_t c = 0; c < 4; ++c) to[4 * pixel + c] = from[c * plane_ + pixel];
        }
        float* values = values_ + channel;
        const std::size_t below = 4 * width_;
        for (const Tap& tap : taps_) {
            const float* top = to + 4 * tap.pixel;
            const float* bottom = top + below;
            weighted(tap, Four::load(top), Four::load(top + 4), Four::load(bottom),
                     Four::load(bottom + 4))
                .store(values + tap.value);
        }
    }

    void sample_planes(std::size_t channel) const {
        const float* from = feature_ + channel * plane_;
        float* values = values_ + channel;
        const std::size_t plane = plane_, width = width_;
        for (const Tap& tap : taps_) {
            Four top_left, top_right, bottom_left, bottom_right;
            load_pairs(from + tap.pixel, plane, &top_left, &top_right);
            load_pairs(from + tap.pixel + width, plane, &bottom_left, &bottom_right);
            weighted(tap, top_left, top_right, bottom_left, bottom_right).store(values + tap.value);
        }
    }

    void sample_plane(std::size_t channel) const {
        for (const Tap& tap : taps_) {
            const float* top = feature_ + channel * plane_ + tap.pixel;
            const float* bottom = top + width_;
            float sum = top[0] * tap.weights[0];
            sum += top[1] * tap.weights[1];
            sum += bottom[0] * tap.weights[2];
            sum += bottom[1] * tap.weights[3];
            values_[tap.value + channel] = sum;
        }
    }

    const float* feature_;
    std::size_t channels_, height_, width_, plane_;
    float* values_;
    Taps taps_;
    std::vector<Corner> border_;
    std::unique_ptr<float[]> four_planes_;  // pixel by pixel, four channels each
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
        pp::Sampler sampler(feature, channels, height, width, count, values);
        sampler.run(points, count, align_corners != 0);
        return PP_OK;
    });
}

}  // extern "C"
