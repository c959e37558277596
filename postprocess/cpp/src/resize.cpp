// Images resized: the mean of what a pixel covers, or bilinear.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "boundary.h"
#include "image_bytes.h"
#include "postprocess/image.h"
#include "resizer.h"

extern "C" {

pp_status pp_resize(const uint8_t* images, size_t batch, size_t height, size_t width,
                    size_t to_height, size_t to_width, uint8_t* resized, size_t capacity) {
    pp::ImageBytes from, to;
    if (!pp::image_bytes(batch, height, width, &from) ||
        !pp::image_bytes(batch, to_height, to_width, &to)) {
        return PP_ERROR_SHAPE;
    }
    if (batch && (!images || !resized)) return PP_ERROR_NULL;
    if (capacity < to.all) return PP_ERROR_CAPACITY;

    return pp::guarded([&] {
        for (size_t i = 0; i < batch; ++i) {
            uint8_t* image = resized + i * to.one;
            pp::resize_rows(images + i * from.one, height, width, to_height, to_width,
                            [&](size_t y, const uint8_t* row) {
                                std::copy_n(row, 3 * to_width, image + y * 3 * to_width);
                            });
        }
        return PP_OK;
    });
}

}  // extern "C"
