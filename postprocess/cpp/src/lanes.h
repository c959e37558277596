// A handful of float operations on as many lanes as the instruction set of this translation unit
// has.
//
// Everything has internal linkage: the same source is compiled once for the portable build and once
// for AVX2 (row_kernels_*.cpp), and neither may end up calling the other's functions.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(POSTPROCESS_SCALAR)  // asked for by a test
#elif defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace {

#if defined(__AVX2__) && !defined(POSTPROCESS_SCALAR)

struct Lanes {
    __m256 v;
    static constexpr std::size_t count = 8;
    static Lanes all(float value) { return {_mm256_set1_ps(value)}; }
    static Lanes load(const float* from) { return {_mm256_loadu_ps(from)}; }
    void store(float* to) const { _mm256_storeu_ps(to, v); }
};
/// The larger lane; `b` where `a` is NaN.
inline Lanes larger(Lanes a, Lanes b) { return {_mm256_max_ps(a.v, b.v)}; }
inline Lanes plus(Lanes a, Lanes b) { return {_mm256_add_ps(a.v, b.v)}; }
inline Lanes times(Lanes a, Lanes b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline Lanes minus(Lanes a, Lanes b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline Lanes bits_or(Lanes a, Lanes b) { return {_mm256_or_ps(a.v, b.v)}; }
/// `then` where `a` equals `b`, else `a`.
inline Lanes replace_equal(Lanes a, Lanes b, Lanes then) {
    return {_mm256_blendv_ps(a.v, then.v, _mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ))};
}
/// Bit i is set where lane i of `a` equals `b` and reaches `bound`.
inline unsigned equal_and_reaches(Lanes a, Lanes b, Lanes bound) {
    const __m256 equal = _mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ);
    const __m256 reaches = _mm256_cmp_ps(a.v, bound.v, _CMP_GE_OQ);
    return static_cast<unsigned>(_mm256_movemask_ps(_mm256_and_ps(equal, reaches)));
}

/// to[x * pitch + y] = from[y * stride + x] for as many x and y as there are lanes.
inline void transpose(const float* from, std::size_t stride, float* to, std::size_t pitch) {
    for (std::size_t x = 0; x < 8; x += 4) {
        const auto rows = [&](std::size_t y) {  // y and y + 4
            const float* row = from + y * stride + x;
            return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row)),
                                        _mm_loadu_ps(row + 4 * stride), 1);
        };
        const __m256 a = rows(0), b = rows(1), c = rows(2), d = rows(3);
        const __m256 ab = _mm256_unpacklo_ps(a, b), cd = _mm256_unpacklo_ps(c, d);
        const __m256 ab_high = _mm256_unpackhi_ps(a, b), cd_high = _mm256_unpackhi_ps(c, d);
        float* column = to + x * pitch;
        _mm256_storeu_ps(column, _mm256_shuffle_ps(ab, cd, 0x44));
        _mm256_storeu_ps(column + pitch, _mm256_shuffle_ps(ab, cd, 0xee));
        _mm256_storeu_ps(column + 2 * pitch, _mm256_shuffle_ps(ab_high, cd_high, 0x44));
        _mm256_storeu_ps(column + 3 * pitch, _mm256_shuffle_ps(ab_high, cd_high, 0xee));
    }
}

#elif (defined(__SSE2__) || defined(_M_X64)) && !defined(POSTPROCESS_SCALAR)

struct Lanes {
    __m128 v;
    static constexpr std::size_t count = 4;
    static Lanes all(float value) { return {_mm_set1_ps(value)}; }
    static Lanes load(const float* from) { return {_mm_loadu_ps(from)}; }
    void store(float* to) const { _mm_storeu_ps(to, v); }
};
inline Lanes larger(Lanes a, Lanes b) { return {_mm_max_ps(a.v, b.v)}; }
inline Lanes plus(Lanes a, Lanes b) { return {_mm_add_ps(a.v, b.v)}; }
inline Lanes times(Lanes a, Lanes b) { return {_mm_mul_ps(a.v, b.v)}; }
inline Lanes minus(Lanes a, Lanes b) { return {_mm_sub_ps(a.v, b.v)}; }
inline Lanes bits_or(Lanes a, Lanes b) { return {_mm_or_ps(a.v, b.v)}; }
inline Lanes replace_equal(Lanes a, Lanes b, Lanes then) {
    const __m128 equal = _mm_cmpeq_ps(a.v, b.v);
    return {_mm_or_ps(_mm_and_ps(equal, then.v), _mm_andnot_ps(equal, a.v))};
}
inline unsigned equal_and_reaches(Lanes a, Lanes b, Lanes bound) {
    const __m128 both = _mm_and_ps(_mm_cmpeq_ps(a.v, b.v), _mm_cmpge_ps(a.v, bound.v));
    return static_cast<unsigned>(_mm_movemask_ps(both));
}

inline void transpose(const float* from, std::size_t stride, float* to, std::size_t pitch) {
    __m128 a = _mm_loadu_ps(from), b = _mm_loadu_ps(from + stride);
    __m128 c = _mm_loadu_ps(from + 2 * stride), d = _mm_loadu_ps(from + 3 * stride);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(to, a);
    _mm_storeu_ps(to + pitch, b);
    _mm_storeu_ps(to + 2 * pitch, c);
    _mm_storeu_ps(to + 3 * pitch, d);
}

#elif defined(__aarch64__) && !defined(POSTPROCESS_SCALAR)

struct Lanes {
    float32x4_t v;
    static constexpr std::size_t count = 4;
    static Lanes all(float value) { return {vdupq_n_f32(value)}; }
    static Lanes load(const float* from) { return {vld1q_f32(from)}; }
    void store(float* to) const { vst1q_f32(to, v); }
};
inline Lanes larger(Lanes a, Lanes b) {
    return {vbslq_f32(vcgtq_f32(a.v, b.v), a.v, b.v)};  // vmaxq would pass a NaN on
}
inline Lanes plus(Lanes a, Lanes b) { return {vaddq_f32(a.v, b.v)}; }
inline Lanes times(Lanes a, Lanes b) { return {vmulq_f32(a.v, b.v)}; }
inline Lanes minus(Lanes a, Lanes b) { return {vsubq_f32(a.v, b.v)}; }
inline Lanes bits_or(Lanes a, Lanes b) {
    return {
        vreinterpretq_f32_u32(vorrq_u32(vreinterpretq_u32_f32(a.v), vreinterpretq_u32_f32(b.v)))};
}
inline Lanes replace_equal(Lanes a, Lanes b, Lanes then) {
    return {vbslq_f32(vceqq_f32(a.v, b.v), then.v, a.v)};
}
inline unsigned equal_and_reaches(Lanes a, Lanes b, Lanes bound) {
    const uint32x4_t both = vandq_u32(vceqq_f32(a.v, b.v), vcgeq_f32(a.v, bound.v));
    const uint32x4_t place = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(both, place));
}

inline void transpose(const float* from, std::size_t stride, float* to, std::size_t pitch) {
    const float32x4x2_t ab = vtrnq_f32(vld1q_f32(from), vld1q_f32(from + stride));
    const float32x4x2_t cd = vtrnq_f32(vld1q_f32(from + 2 * stride), vld1q_f32(from + 3 * stride));
    for (int x = 0; x < 2; ++x, to += pitch) {
        vst1q_f32(to, vcombine_f32(vget_low_f32(ab.val[x]), vget_low_f32(cd.val[x])));
        vst1q_f32(to + 2 * pitch, vcombine_f32(vget_high_f32(ab.val[x]), vget_high_f32(cd.val[x])));
    }
}

#else

struct Lanes {
    float v;
    static constexpr std::size_t count = 1;
    static Lanes all(float value) { return {value}; }
    static Lanes load(const float* from) { return {*from}; }
    void store(float* to) const { *to = v; }
};
inline Lanes larger(Lanes a, Lanes b) { return {a.v > b.v ? a.v : b.v}; }
inline Lanes plus(Lanes a, Lanes b) { return {a.v + b.v}; }
inline Lanes times(Lanes a, Lanes b) { return {a.v * b.v}; }
inline Lanes minus(Lanes a, Lanes b) { return {a.v - b.v}; }
inline Lanes bits_or(Lanes a, Lanes b) {
    std::uint32_t x, y;
    __builtin_memcpy(&x, &a.v, sizeof x);
    __builtin_memcpy(&y, &b.v, sizeof y);
    x |= y;
    __builtin_memcpy(&a.v, &x, sizeof x);
    return a;
}
inline Lanes replace_equal(Lanes a, Lanes b, Lanes then) { return a.v == b.v ? then : a; }
inline unsigned equal_and_reaches(Lanes a, Lanes b, Lanes bound) {
    return a.v == b.v && a.v >= bound.v ? 1u : 0u;
}
inline void transpose(const float* from, std::size_t, float* to, std::size_t) { *to = *from; }

#endif

}  // namespace
