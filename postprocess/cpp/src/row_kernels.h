// Inner loops over one row of a map, in the widest instruction set that the machine has.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pp {

/// Largest value of a row that is not NaN (-inf where there is none), and whether all are finite.
struct RowSummary {
    float largest;
    bool finite;
};

/// Where a point reads four pixels, and how much of each.
struct alignas(32) Tap {
    float weights[4];   // top left, top right, bottom left, bottom right
    std::size_t pixel;  // the top left one
    std::size_t point;
};

/// An image of three bytes a pixel, black outside.
struct Photo {
    const std::uint8_t* pixels;
    std::ptrdiff_t height, width;
};

struct RowKernels {
    RowSummary (*summary)(const float* row, std::size_t width);

    /// to[x] = max(to[x], row[x]) over the row; NaN is passed over, +inf becomes `infinity`.
    void (*raise)(float* to, const float* row, std::size_t width, float infinity);

    /// Write the columns x where row[x] equals the maximum of above[x - radius .. x + radius] and
    /// reaches `bound`; +inf in the row becomes `infinity` first. `above` is readable `radius`
    /// elements beyond both ends. Returns how many columns it wrote.
    std::size_t (*peaks)(const float* row, const float* above, std::size_t width,
                         std::size_t radius, float bound, float infinity, std::size_t* columns);

    /// First x where row[x] equals `value`; `width` where there is none.
    std::size_t (*find)(const float* row, std::size_t width, float value);

    /// sum[i] += row[i].
    void (*add)(std::uint16_t* sum, const std::uint8_t* row, std::size_t count);

    /// to[i] = before[i] * shares[0] + sum[i] * shares[1] + after[i] * shares[2].
    void (*weigh)(float* to, const std::uint8_t* before, const std::uint16_t* sum,
                  const std::uint8_t* after, const float* shares, std::size_t count);

    /// to[x * pitch + c] = planes[c * stride + x] for `columns` pixels x of `channels` planes c.
    void (*interleave)(const float* planes, std::size_t stride, std::size_t channels,
                       std::size_t columns, float* to, std::size_t pitch);

    /// values[tap.point * stride + c] = the tap's weighted sum over channel c of the pixels
    /// tap.pixel and tap.pixel + 1 of two interleaved rows. `pitch`, floats from pixel to pixel, is
    /// a multiple of 16.
    void (*blend)(const Tap* taps, std::size_t count, const float* above, const float* below,
                  std::size_t pitch, std::size_t channels, float* values, std::size_t stride);

    /// Row `row` of a warped image of `width` pixels, read through the affine map `to_photo`, two
    /// rows of three.
    void (*warp)(const Photo& photo, const float* to_photo, std::size_t row, std::size_t width,
                 std::uint8_t* to);
};

/// The kernels for this machine; chosen once.
const RowKernels& row_kernels() noexcept;

extern const RowKernels portable_row_kernels;
extern const RowKernels avx2_row_kernels;

}  // namespace pp
