// The row kernels, written once over Lanes; included by each row_kernels_*.cpp.
#pragma once

#include "lanes.h"
#include "row_kernels.h"
#include "warp_row.h"

namespace {

constexpr float kInfinity = __builtin_inff();

inline float replaced(float value, float infinity) { return value == kInfinity ? infinity : value; }

pp::RowSummary summary(const float* row, std::size_t width) {
    Lanes top0 = Lanes::all(-kInfinity), top1 = top0;
    Lanes odd0 = Lanes::all(0.0f), odd1 = odd0;  // x - x is 0 where x is finite, NaN elsewhere
    std::size_t x = 0;
    for (; x + 2 * Lanes::count <= width; x += 2 * Lanes::count) {
        const Lanes a = Lanes::load(row + x), b = Lanes::load(row + x + Lanes::count);
        top0 = larger(a, top0);
        top1 = larger(b, top1);
        odd0 = bits_or(odd0, minus(a, a));
        odd1 = bits_or(odd1, minus(b, b));
    }
    float tops[Lanes::count], odds[Lanes::count];
    larger(top0, top1).store(tops);
    bits_or(odd0, odd1).store(odds);
    float largest = -kInfinity;
    bool finite = true;
    for (std::size_t lane = 0; lane < Lanes::count; ++lane) {
        if (tops[lane] > largest) largest = tops[lane];
        finite = finite && odds[lane] == 0.0f;
    }
    for (; x < width; ++x) {
        if (row[x] > largest) largest = row[x];
        finite = finite && row[x] - row[x] == 0.0f;
    }
    return {largest, finite};
}

void raise_row(float* to, const float* row, std::size_t width, float infinity) {
    const Lanes from = Lanes::all(kInfinity), then = Lanes::all(infinity);
    std::size_t x = 0;
    for (; x + Lanes::count <= width; x += Lanes::count) {
        const Lanes value = replace_equal(Lanes::load(row + x), from, then);
        larger(value, Lanes::load(to + x)).store(to + x);
    }
    for (; x < width; ++x) {
        const float value = replaced(row[x], infinity);
        if (value > to[x]) to[x] = value;
    }
}

std::size_t peak_columns(const float* row, const float* above, std::size_t width,
                         std::size_t radius, float bound, float infinity, std::size_t* columns) {
    const Lanes from = Lanes::all(kInfinity), then = Lanes::all(infinity);
    const Lanes least = Lanes::all(bound);
    const float* first = above - radius;
    std::size_t count = 0, x = 0;
    for (; x + Lanes::count <= width; x += Lanes::count) {
        Lanes top = Lanes::load(first + x);
        for (std::size_t shift = 1; shift <= 2 * radius; ++shift) {
            top = larger(top, Lanes::load(first + x + shift));
        }
        const Lanes value = replace_equal(Lanes::load(row + x), from, then);
        unsigned found = equal_and_reaches(value, top, least);
        for (std::size_t lane = 0; found != 0; ++lane, found >>= 1) {
            if (found & 1u) columns[count++] = x + lane;
        }
    }
    for (; x < width; ++x) {
        const float value = replaced(row[x], infinity);
        float top = first[x];
        for (std::size_t shift = 1; shift <= 2 * radius; ++shift) {
            if (first[x + shift] > top) top = first[x + shift];
        }
        if (value == top && value >= bound) columns[count++] = x;
    }
    return count;
}

std::size_t find(const float* row, std::size_t width, float value) {
    const Lanes wanted = Lanes::all(value);
    std::size_t x = 0;
    for (; x + Lanes::count <= width; x += Lanes::count) {
        if (equal_and_reaches(Lanes::load(row + x), wanted, wanted) != 0) break;
    }
    for (; x < width; ++x) {
        if (row[x] == value) return x;
    }
    return width;
}

void interleave(const float* planes, std::size_t stride, std::size_t channels, std::size_t columns,
                float* to, std::size_t pitch) {
    std::size_t c = 0;
    for (; c + Lanes::count <= channels; c += Lanes::count) {
        const float* from = planes + c * stride;
        std::size_t x = 0;
        for (; x + Lanes::count <= columns; x += Lanes::count) {
            transpose(from + x, stride, to + x * pitch + c, pitch);
        }
        for (; x < columns; ++x) {
            for (std::size_t i = 0; i < Lanes::count; ++i) {
                to[x * pitch + c + i] = from[i * stride + x];
            }
        }
    }
    for (; c < channels; ++c) {
        for (std::size_t x = 0; x < columns; ++x) to[x * pitch + c] = planes[c * stride + x];
    }
}

void blend(const pp::Tap* taps, std::size_t count, const float* above, const float* below,
           std::size_t pitch, std::size_t channels, float* values, std::size_t stride) {
    constexpr std::size_t kAhead = 4;  // taps; their outputs lie anywhere
    for (const pp::Tap* tap = taps; tap != taps + count; ++tap) {
        const float *top = above + tap->pixel * pitch, *bottom = below + tap->pixel * pitch;
        const Lanes top_left = Lanes::all(tap->weights[0]), top_right = Lanes::all(tap->weights[1]);
        const Lanes bottom_left = Lanes::all(tap->weights[2]);
        const Lanes bottom_right = Lanes::all(tap->weights[3]);
        const auto sum = [&](std::size_t c) {
            Lanes total = times(Lanes::load(top + c), top_left);
            total = plus(total, times(Lanes::load(top + pitch + c), top_right));
            total = plus(total, times(Lanes::load(bottom + c), bottom_left));
            return plus(total, times(Lanes::load(bottom + pitch + c), bottom_right));
        };
        if (count - static_cast<std::size_t>(tap - taps) > kAhead) {
            const float* soon = values + tap[kAhead].point * stride;
            for (std::size_t c = 0; c < channels; c += 16) __builtin_prefetch(soon + c, 1);
        }
        float* to = values + tap->point * stride;
        std::size_t c = 0;
        for (; c + Lanes::count <= channels; c += Lanes::count) sum(c).store(to + c);
        if (c == channels) continue;
        float rest[Lanes::count];
        sum(c).store(rest);
        for (std::size_t i = 0; c < channels; ++c, ++i) to[c] = rest[i];
    }
}

// Plain loops from here on: the compiler makes vectors of them.

void add_bytes(std::uint16_t* sum, const std::uint8_t* row, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        sum[i] = static_cast<std::uint16_t>(sum[i] + row[i]);
    }
}

void weigh(float* to, const std::uint8_t* before, const std::uint16_t* sum,
           const std::uint8_t* after, const float* shares, std::size_t count) {
    const float first = shares[0], whole = shares[1], last = shares[2];
    for (std::size_t i = 0; i < count; ++i) {
        to[i] = static_cast<float>(before[i]) * first + static_cast<float>(sum[i]) * whole +
                static_cast<float>(after[i]) * last;
    }
}

}  // namespace
