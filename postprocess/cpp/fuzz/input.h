// Sizes, flags and numbers out of a fuzzer's bytes; zeros where they have run out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <vector>

#include "postprocess/decode.h"

class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

    template <class Value>
    Value value() {
        Value value{};
        const std::size_t count = size_ < sizeof value ? size_ : sizeof value;
        if (count) std::memcpy(&value, data_, count);
        data_ += count;
        size_ -= count;
        return value;
    }

    bool flag() { return value<std::uint8_t>() & 1; }
    std::size_t upto(std::size_t most) { return value<std::uint8_t>() % (most + 1); }

    /// A size from 0 to `most`, and now and then one whose products overflow.
    std::size_t size(std::size_t most) {
        const auto byte = value<std::uint8_t>();
        return byte == 255 ? SIZE_MAX / 2 : byte % (most + 1);
    }

    /// Exactly as many as asked for, so that a sanitizer sees a read beyond them.
    template <class Value = float>
    std::vector<Value> values(std::size_t count) {
        std::vector<Value> values(count);
        for (Value& one : values) one = value<Value>();
        return values;
    }

  private:
    const std::uint8_t* data_;
    std::size_t size_;
};

/// Elements of an array with these sides; 0 where they overflow, since the call refuses them then.
inline std::size_t product(std::initializer_list<std::size_t> sides) {
    std::size_t result = 1;
    for (const std::size_t side : sides) {
        if (side > 255) return 0;
        result *= side;
    }
    return result;
}

/// Stop where a promise is broken.
inline void promise(bool kept) {
    if (!kept) std::abort();
}
