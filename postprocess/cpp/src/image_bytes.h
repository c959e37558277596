// Sizes of images, with the checks that the functions on them share.
#pragma once

#include <cstddef>

#include "boundary.h"

namespace pp {

/// Bytes of one image and of all of them.
struct ImageBytes {
    std::size_t one, all;
};

/// Of images (batch, height, width, 3); false where a side is 0 or a size overflows.
inline bool image_bytes(std::size_t batch, std::size_t height, std::size_t width,
                        ImageBytes* bytes) noexcept {
    return height != 0 && width != 0 && product({height, width, 3}, &bytes->one) &&
           product({batch, bytes->one}, &bytes->all);
}

}  // namespace pp
