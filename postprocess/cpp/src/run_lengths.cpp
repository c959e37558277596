// COCO's run-length encoding of contours, plain and as text.
#include <cstddef>
#include <cstdint>
#include <limits>

#include "boundary.h"
#include "boundary_walk.h"
#include "postprocess/contours.h"

namespace pp {
namespace {

/// Hand the lengths of the runs to `each`: outside, inside, outside, ... down the columns.
template <class Each>
void runs_of(const std::vector<std::uint64_t>& changes, std::uint64_t pixels, Each&& each) {
    std::uint64_t from = 0;
    for (std::size_t i = 0; i < changes.size() && changes[i] < pixels; ++i) {
        if (i + 1 < changes.size() && changes[i + 1] == changes[i]) {
            ++i;  // two changes at one place are none
            continue;
        }
        each(static_cast<std::uint32_t>(changes[i] - from));
        from = changes[i];
    }
    each(static_cast<std::uint32_t>(pixels - from));
}

}  // namespace
}  // namespace pp

extern "C" {

pp_status pp_run_lengths(const float* contours, size_t count, size_t points, size_t height,
                         size_t width, uint32_t* runs, size_t capacity, size_t* lengths,
                         size_t* total) {
    size_t values, pixels;
    if (points == 0 || !pp::product({count, points, 2}, &values) ||
        !pp::product({height, width}, &pixels) || pixels > std::numeric_limits<uint32_t>::max()) {
        return PP_ERROR_SHAPE;
    }
    if ((values && !contours) || (count && !lengths) || !total || (capacity && !runs)) {
        return PP_ERROR_NULL;
    }

    return pp::guarded([&] {
        pp::BoundaryWalk walk(height, pixels ? width : 0);  // a mask without rows has no columns
        *total = 0;
        for (size_t i = 0; i < count; ++i) {
            const auto& changes = walk.changes(contours + i * points * 2, points);
            const size_t first = *total;
            pp::runs_of(changes, pixels, [&](uint32_t length) {
                if (*total < capacity) runs[*total] = length;
                ++*total;
            });
            lengths[i] = *total - first;
        }
        return *total > capacity ? PP_ERROR_CAPACITY : PP_OK;
    });
}

pp_status pp_rle_string(const uint32_t* runs, size_t count, char* text, size_t capacity,
                        size_t* size) {
    if ((count && !runs) || !size || (capacity && !text)) return PP_ERROR_NULL;
    *size = 0;
    for (size_t i = 0; i < count; ++i) {
        int64_t value = runs[i];
        if (i > 2) value -= runs[i - 2];
        bool more = true;
        while (more) {
            const int64_t bits = value & 31;
            value >>= 5;
            more = value != ((bits & 16) ? -1 : 0);
            const auto character = static_cast<char>(48 + (more ? bits | 32 : bits));
            if (*size < capacity) text[*size] = character;
            ++*size;
        }
    }
    return *size > capacity ? PP_ERROR_CAPACITY : PP_OK;
}

}  // extern "C"
