// Flip test: heatmaps averaged with those of the mirrored image.
#include <cstddef>
#include <cstdint>

#include "boundary.h"
#include "postprocess/decode.h"

extern "C" {

pp_status pp_merge_flipped(const float* heatmaps, const float* mirrored, size_t batch,
                           size_t joints, size_t height, size_t width, const int64_t* order,
                           int shift, float* merged, size_t capacity) {
    size_t values;
    if (!pp::product({batch, joints, height, width}, &values)) return PP_ERROR_SHAPE;
    if (joints && !order) return PP_ERROR_NULL;
    for (size_t joint = 0; joint < joints; ++joint) {
        if (order[joint] < 0 || static_cast<size_t>(order[joint]) >= joints) {
            return PP_ERROR_PARAMETER;
        }
    }
    if (values && (!heatmaps || !mirrored || !merged)) return PP_ERROR_NULL;
    if (capacity < values) return PP_ERROR_CAPACITY;
    if (values == 0) return PP_OK;

    const size_t last = width - 1;
    for (size_t map = 0; map < batch * joints; ++map) {
        const size_t other = map - map % joints + static_cast<size_t>(order[map % joints]);
        for (size_t y = 0; y < height; ++y) {
            const float* here = heatmaps + (map * height + y) * width;
            const float* back = mirrored + (other * height + y) * width;
            float* to = merged + (map * height + y) * width;
            if (shift) {  // pixel x comes from mirrored x - 1; the first one stays
                to[0] = (here[0] + back[last]) * 0.5f;
                for (size_t x = 1; x < width; ++x) to[x] = (here[x] + back[width - x]) * 0.5f;
            } else {
                for (size_t x = 0; x < width; ++x) to[x] = (here[x] + back[last - x]) * 0.5f;
            }
        }
    }
    return PP_OK;
}

}  // extern "C"
