// From a photo to the network's input in one pass: resize, normalise, place on black.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "boundary.h"
#include "image_bytes.h"
#include "postprocess/image.h"
#include "resizer.h"
#include "value_tables.h"

extern "C" {

pp_status pp_preprocess(const uint8_t* images, size_t batch, size_t height, size_t width,
                        size_t network_height, size_t network_width, int rule,
                        const pp_normalization* normalization, float* tensor, size_t capacity,
                        pp_placement* placement) {
    pp_placement place;
    const pp_status status = pp_place(height, width, network_height, network_width, rule, &place);
    if (status != PP_OK) return status;
    if (!normalization) return PP_ERROR_NULL;
    if (!pp::ValueTables::usable(*normalization)) return PP_ERROR_PARAMETER;
    pp::ImageBytes from;
    size_t plane, needed;
    if (!pp::image_bytes(batch, height, width, &from) ||
        !pp::product({network_height, network_width}, &plane) ||
        !pp::product({batch, 3, plane}, &needed)) {
        return PP_ERROR_SHAPE;
    }
    if (batch && (!images || !tensor)) return PP_ERROR_NULL;
    if (capacity < needed) return PP_ERROR_CAPACITY;

    return pp::guarded([&] {
        const pp::ValueTables tables(*normalization);
        for (size_t i = 0; i < batch; ++i) {
            float* to = tensor + i * 3 * plane;
            if (place.height < network_height || place.width < network_width) {
                for (size_t channel = 0; channel < 3; ++channel) {
                    std::fill_n(to + channel * plane, plane, tables.black(channel));
                }
            }
            float* corner = to + place.top * network_width + place.left;
            pp::resize_rows(images + i * from.one, height, width, place.height, place.width,
                            [&](size_t y, const uint8_t* row) {
                                tables.spread(row, place.width, corner + y * network_width, plane);
                            });
        }
        if (placement) *placement = place;
        return PP_OK;
    });
}

}  // extern "C"
