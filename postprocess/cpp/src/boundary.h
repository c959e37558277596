// What every entry point shares: no exception leaves, and sizes are multiplied with care.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <limits>
#include <new>

#include "postprocess/decode.h"

namespace pp {

/// Run `body`, which returns a status; a failed allocation becomes PP_ERROR_MEMORY.
template <class Body>
pp_status guarded(Body&& body) noexcept {
    try {
        return body();
    } catch (...) {  // the bodies throw nothing but std::bad_alloc and std::length_error
        return PP_ERROR_MEMORY;
    }
}

/// Product of sizes; false where it, or its bytes as 8-byte elements, overflows.
inline bool product(std::initializer_list<std::size_t> sizes, std::size_t* result) noexcept {
    const std::size_t most = std::numeric_limits<std::size_t>::max() / 8;
    *result = 1;
    for (const std::size_t size : sizes) {
        if (size == 0) {
            *result = 0;
            return true;
        }
    }
    for (const std::size_t size : sizes) {
        if (*result > most / size) return false;
        *result *= size;
    }
    return true;
}

}  // namespace pp
