// CenterNet's boxes: peaks, then the size and the offset at each of them.
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "boundary.h"
#include "box_maps.h"
#include "postprocess/decode.h"

namespace pp {
namespace {

/// Drop what Fast-NMS drops from one image's `count` boxes, in place; returns what is left.
std::size_t suppress(float iou, std::size_t count, float* scores, std::int64_t* class_ids,
                     float* boxes) {
    std::vector<std::int32_t> classes(class_ids, class_ids + count);
    std::vector<std::int64_t> kept(count);
    std::size_t kept_count = 0;
    if (pp_fast_nms(boxes, scores, classes.data(), count, iou, kept.data(), count, &kept_count) !=
        PP_OK) {
        throw std::bad_alloc();  // all else has been checked
    }
    for (std::size_t to = 0; to < kept_count; ++to) {
        const auto from = static_cast<std::size_t>(kept[to]);  // ascends: scores are in order
        scores[to] = scores[from];
        class_ids[to] = class_ids[from];
        for (std::size_t i = 0; i < 4; ++i) boxes[4 * to + i] = boxes[4 * from + i];
    }
    return kept_count;
}

}  // namespace
}  // namespace pp

extern "C" {

pp_ctdet_options pp_ctdet_options_default(void) {
    return {pp_peaks_options_default(), 0, 1.0f, 0.0f, std::numeric_limits<float>::quiet_NaN()};
}

pp_status pp_ctdet(const float* heatmap, const float* size, const float* offset, size_t batch,
                   size_t classes, size_t height, size_t width, const pp_ctdet_options* options,
                   float* scores, int64_t* class_ids, float* boxes, size_t capacity, size_t* counts,
                   pp_non_finite* non_finite) {
    const pp_ctdet_options chosen = options ? *options : pp_ctdet_options_default();
    const size_t channels = chosen.ltrb ? 4 : 2;
    size_t plane, sizes, needed;
    if (!pp::product({height, width}, &plane) || !pp::product({batch, channels, plane}, &sizes) ||
        !pp::product({batch, chosen.peaks.k, 4}, &needed)) {
        return PP_ERROR_SHAPE;
    }
    if ((sizes && !size) || (needed && !boxes)) return PP_ERROR_NULL;
    if (capacity < needed / 4) return PP_ERROR_CAPACITY;

    return pp::guarded([&] {
        std::vector<int64_t> xs(needed / 4), ys(needed / 4);
        const pp_status status =
            pp_peaks(heatmap, batch, classes, height, width, &chosen.peaks, scores, class_ids,
                     xs.data(), ys.data(), capacity, counts, non_finite);
        if (status != PP_OK) return status;
        for (size_t image = 0; image < batch; ++image) {
            const pp::BoxMaps maps = {size + image * channels * plane,
                                      offset ? offset + image * 2 * plane : nullptr, plane, width};
            const size_t first = image * chosen.peaks.k;
            for (size_t i = first; i < first + counts[image]; ++i) {
                maps.box(xs[i], ys[i], chosen, boxes + 4 * i);
            }
            if (!std::isnan(chosen.iou)) {
                counts[image] = pp::suppress(chosen.iou, counts[image], scores + first,
                                             class_ids + first, boxes + 4 * first);
            }
        }
        return PP_OK;
    });
}

}  // extern "C"
