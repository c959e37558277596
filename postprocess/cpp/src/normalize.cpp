// Bytes to normalised floats, channels apart.
#include <cstddef>
#include <cstdint>

#include "boundary.h"
#include "postprocess/image.h"
#include "value_tables.h"

extern "C" {

pp_status pp_normalize(const uint8_t* images, size_t batch, size_t height, size_t width,
                       const pp_normalization* normalization, float* tensor, size_t capacity) {
    if (!normalization) return PP_ERROR_NULL;
    if (!pp::ValueTables::usable(*normalization)) return PP_ERROR_PARAMETER;
    size_t plane, needed;
    if (!pp::product({height, width}, &plane) || !pp::product({batch, 3, plane}, &needed)) {
        return PP_ERROR_SHAPE;
    }
    if (needed && (!images || !tensor)) return PP_ERROR_NULL;
    if (capacity < needed) return PP_ERROR_CAPACITY;
    if (needed == 0) return PP_OK;

    const pp::ValueTables tables(*normalization);
    for (size_t image = 0; image < batch; ++image) {
        tables.spread(images + image * 3 * plane, plane, tensor + image * 3 * plane, plane);
    }
    return PP_OK;
}

}  // extern "C"
