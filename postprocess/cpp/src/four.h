// Four floats as one value: SSE2, NEON, or an array that the compiler deals with. `spread` repeats
// one of the four.
#pragma once

#include <cstddef>

#if defined(POSTPROCESS_SCALAR)  // asked for by a test
#elif defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace pp {

#if (defined(__SSE2__) || defined(_M_X64)) && !defined(POSTPROCESS_SCALAR)

struct Four {
    __m128 v;
    static Four all(float value) { return {_mm_set1_ps(value)}; }
    static Four load(const float* from) { return {_mm_loadu_ps(from)}; }
    template <int kLane>
    Four spread() const {
        return {_mm_shuffle_ps(v, v, _MM_SHUFFLE(kLane, kLane, kLane, kLane))};
    }
    void store(float* to) const { _mm_storeu_ps(to, v); }
};
inline Four operator*(Four a, Four b) { return {_mm_mul_ps(a.v, b.v)}; }
inline Four operator+(Four a, Four b) { return {_mm_add_ps(a.v, b.v)}; }

/// from[0] and from[1] of four places that lie `stride` floats apart.
inline void load_pairs(const float* from, std::size_t stride, Four* first, Four* second) {
    const auto two = [](const float* a, const float* b) {
        const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(a));
        const __m128i high = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(b));
        return _mm_castsi128_ps(_mm_unpacklo_epi64(low, high));
    };
    const __m128 a = two(from, from + stride), b = two(from + 2 * stride, from + 3 * stride);
    first->v = _mm_shuffle_ps(a, b, _MM_SHUFFLE(2, 0, 2, 0));
    second->v = _mm_shuffle_ps(a, b, _MM_SHUFFLE(3, 1, 3, 1));
}

#elif defined(__aarch64__) && !defined(POSTPROCESS_SCALAR)

struct Four {
    float32x4_t v;
    static Four all(float value) { return {vdupq_n_f32(value)}; }
    static Four load(const float* from) { return {vld1q_f32(from)}; }
    template <int kLane>
    Four spread() const {
        return {vdupq_laneq_f32(v, kLane)};
    }
    void store(float* to) const { vst1q_f32(to, v); }
};
inline Four operator*(Four a, Four b) { return {vmulq_f32(a.v, b.v)}; }
inline Four operator+(Four a, Four b) { return {vaddq_f32(a.v, b.v)}; }

inline void load_pairs(const float* from, std::size_t stride, Four* first, Four* second) {
    const auto two = [](const float* a, const float* b) {
        return vcombine_f32(vld1_f32(a), vld1_f32(b));
    };
    const float32x4x2_t both =
        vuzpq_f32(two(from, from + stride), two(from + 2 * stride, from + 3 * stride));
    first->v = both.val[0];
    second->v = both.val[1];
}

#else

struct Four {
    float v[4];
    static Four all(float value) { return {{value, value, value, value}}; }
    static Four load(const float* from) { return {{from[0], from[1], from[2], from[3]}}; }
    template <int kLane>
    Four spread() const {
        return {{v[kLane], v[kLane], v[kLane], v[kLane]}};
    }
    void store(float* to) const {
        for (int i = 0; i < 4; ++i) to[i] = v[i];
    }
};
inline Four operator*(Four a, Four b) {
    for (int i = 0; i < 4; ++i) a.v[i] *= b.v[i];
    return a;
}
inline Four operator+(Four a, Four b) {
    for (int i = 0; i < 4; ++i) a.v[i] += b.v[i];
    return a;
}

inline void load_pairs(const float* from, std::size_t stride, Four* first, Four* second) {
    for (int i = 0; i < 4; ++i, from += stride) {
        first->v[i] = from[0];
        second->v[i] = from[1];
    }
}

#endif

}  // namespace pp
