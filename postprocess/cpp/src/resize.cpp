// Images resized: the mean of what a pixel covers, or bilinear.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "boundary.h"
#include "postprocess/image.h"
#include "resizer.h"

extern "C" {

pp_status pp_resize(const uint8_t* images, size_t batch, size_t height, size_t width,
                    size_t to_height, size_t to_width, uint8_t* resized, size_t capacity) {
    size_t image_size, to_size, values, needed;
    if (height == 0 || width == 0 || to_height == 0 || to_width == 0 ||
        !pp::product({height, width, 3}, &image_size) ||
        !pp::product({to_height, to_width, 3}, &to_size) ||
        !pp::product({batch, image_size}, &values) || !pp::product({batch, to_size}, &needed)) {
        return PP_ERROR_SHAPE;
    }
    if (batch && (!images || !resized)) return PP_ERROR_NULL;
    if (capacity < needed) return PP_ERROR_CAPACITY;

    return pp::guarded([&] {
        for (size_t i = 0; i < batch; ++i) {
            uint8_t* to = resized + i * to_size;
            pp::resize_rows(images + i * image_size, height, width, to_height, to_width,
                            [&](size_t y, const uint8_t* row) {
                                std::copy_n(row, 3 * to_width, to + y * 3 * to_width);
                            });
        }
        return PP_OK;
    });
}

}  // extern "C"
