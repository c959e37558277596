// One row of a warped image; included by row_kernels_body.h, for each instruction set anew.
//
// The three channels of a pixel are lanes of one vector where there is a fused multiply-add, which
// OpenCV's order of operations asks for; elsewhere it is a call into the C library.
#pragma once

#include <cstddef>
#include <cstdint>

#include "row_kernels.h"

#if defined(POSTPROCESS_SCALAR)  // asked for by a test
#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define POSTPROCESS_PIXEL_LANES
#elif defined(__aarch64__)
#include <arm_neon.h>
#define POSTPROCESS_PIXEL_LANES
#endif

namespace {

/// A position of more than -1: the whole number below, and what is left.
struct Position {
    std::ptrdiff_t whole;
    float rest;
    explicit Position(float position) : whole(static_cast<std::ptrdiff_t>(position)) {
        if (static_cast<float>(whole) > position) --whole;
        rest = position - static_cast<float>(whole);
    }
};

/// The nearest whole number to a level of 0 to 255, the even one of two.
inline std::uint8_t rounded(float level) {
    constexpr float kWhole = 8388608.0f;  // 2^23: floats from there on are whole
    return static_cast<std::uint8_t>(level + kWhole - kWhole);
}

/// Bilinear mix of the four pixels around a position; those outside are black.
inline void mix_at_border(const pp::Photo& photo, Position x, Position y, std::uint8_t* to) {
    const auto level = [&](std::ptrdiff_t row, std::ptrdiff_t column, int channel) {
        const bool inside = row >= 0 && row < photo.height && column >= 0 && column < photo.width;
        const std::ptrdiff_t at = (row * photo.width + column) * 3 + channel;
        return inside ? static_cast<float>(photo.pixels[at]) : 0.0f;
    };
    for (int channel = 0; channel < 3; ++channel) {
        const auto between = [&](std::ptrdiff_t row) {
            const float left = level(row, x.whole, channel);
            return __builtin_fmaf(x.rest, level(row, x.whole + 1, channel) - left, left);
        };
        const float above = between(y.whole), below = between(y.whole + 1);
        to[channel] = rounded(__builtin_fmaf(y.rest, below - above, above));
    }
}

#ifdef POSTPROCESS_PIXEL_LANES

#if defined(__aarch64__)

using Channels = float32x4_t;  // three of a pixel, and what lies behind them

/// A pixel and the one to its right; reads eight bytes.
inline void load_pixels(const std::uint8_t* from, Channels* left, Channels* right) {
    const auto floats = [](uint8x8_t bytes) {
        return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes))));
    };
    const uint8x8_t bytes = vld1_u8(from);
    *left = floats(bytes);
    *right = floats(vext_u8(bytes, bytes, 3));
}
inline Channels all(float value) { return vdupq_n_f32(value); }
/// share * (b - a) + a, rounded once after the difference.
inline Channels between(Channels share, Channels a, Channels b) {
    return vfmaq_f32(a, share, vsubq_f32(b, a));
}
inline void store_pixel(Channels levels, std::uint8_t* to) {
    const uint16x4_t words = vmovn_u32(vcvtnq_u32_f32(levels));
    const uint8x8_t bytes = vmovn_u16(vcombine_u16(words, words));
    vst1_lane_u8(to, bytes, 0);
    vst1_lane_u8(to + 1, bytes, 1);
    vst1_lane_u8(to + 2, bytes, 2);
}

#else

using Channels = __m128;

inline void load_pixels(const std::uint8_t* from, Channels* left, Channels* right) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
    *left = _mm_cvtepi32_ps(_mm_cvtepu8_epi32(bytes));
    *right = _mm_cvtepi32_ps(_mm_cvtepu8_epi32(_mm_srli_epi64(bytes, 24)));
}
inline Channels all(float value) { return _mm_set1_ps(value); }
inline Channels between(Channels share, Channels a, Channels b) {
    return _mm_fmadd_ps(share, _mm_sub_ps(b, a), a);
}
inline void store_pixel(Channels levels, std::uint8_t* to) {
    const __m128i first_bytes = _mm_set1_epi32(0x0c080400);
    const int bytes = _mm_cvtsi128_si32(_mm_shuffle_epi8(_mm_cvtps_epi32(levels), first_bytes));
    __builtin_memcpy(to, &bytes, 3);
}

#endif

/// mix_at_border() where the pixel and its neighbours lie inside, eight bytes from `above` and from
/// `below` as well.
inline void mix_inside(const std::uint8_t* above, const std::uint8_t* below, float x_rest,
                       float y_rest, std::uint8_t* to) {
    Channels top_left, top_right, bottom_left, bottom_right;
    load_pixels(above, &top_left, &top_right);
    load_pixels(below, &bottom_left, &bottom_right);
    const Channels top = between(all(x_rest), top_left, top_right);
    const Channels bottom = between(all(x_rest), bottom_left, bottom_right);
    store_pixel(between(all(y_rest), top, bottom), to);
}

#endif

void warp_row(const pp::Photo& photo, const float* to_photo, std::size_t row, std::size_t width,
              std::uint8_t* to) {
    const float* m = to_photo;
    const auto down = static_cast<float>(row);
    const float row_x = down * m[1] + m[2], row_y = down * m[4] + m[5];
    const auto photo_width = static_cast<float>(photo.width);
    const auto photo_height = static_cast<float>(photo.height);
    for (std::size_t column = 0; column < width; ++column, to += 3) {
        const auto along = static_cast<float>(column);
        const float at_x = __builtin_fmaf(along, m[0], row_x);
        const float at_y = __builtin_fmaf(along, m[3], row_y);
        if (!(at_x > -1.0f && at_x < photo_width && at_y > -1.0f && at_y < photo_height)) {
            to[0] = to[1] = to[2] = 0;
            continue;
        }
        const Position x(at_x), y(at_y);
#ifdef POSTPROCESS_PIXEL_LANES
        const std::ptrdiff_t stride = photo.width * 3, below = (y.whole + 1) * stride + x.whole * 3;
        if (x.whole >= 0 && x.whole + 1 < photo.width && y.whole >= 0 &&
            below + 8 <= photo.height * stride) {
            const std::uint8_t* pixel = photo.pixels + below;
            mix_inside(pixel - stride, pixel, x.rest, y.rest, to);
            continue;
        }
#endif
        mix_at_border(photo, x, y, to);
    }
}

}  // namespace
