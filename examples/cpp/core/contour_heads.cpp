#include "contour_heads.h"

#include "parameters.h"
#include "text.h"

namespace surgery {

ContourHeads::ContourHeads(const Field& field, const char* usual_heatmap, const char* usual_wh)
    : heatmap(text_or(field, "heatmap", usual_heatmap)),
      wh(text_or(field, "wh", usual_wh)),
      feature(text_or(field, "feature", "feature")) {}

ContourMaps::ContourMaps(const Feeds& heads, const ContourHeads& names, std::int64_t channels)
    : heatmap(head(heads, names.heatmap)),
      wh(head(heads, names.wh)),
      feature(head(heads, names.feature)) {
    bool fit = true;
    for (const TensorView* map : {&heatmap, &wh, &feature}) {
        fit = fit && map->shape.size() == 4 && map->side(0) == 1 &&
              map->side(2) == heatmap.side(2) && map->side(3) == heatmap.side(3);
    }
    if (!fit || wh.side(1) != channels) {
        throw InputError("the decoder expects " + names.heatmap + " (1,C,h,w), " + names.wh +
                         " (1," + std::to_string(channels) + ",h,w) and " + names.feature +
                         " (1,F,h,w), got " + shown(heatmap.shape) + ", " + shown(wh.shape) +
                         " and " + shown(feature.shape));
    }
}

Tensor sampled(const TensorView& feature, const Contours& points, bool align_corners,
               Decoding& decoding) {
    const Stopwatch::Scope scope(decoding.watch, Stage::sample);
    return sample(feature, points, align_corners);
}

Tensor evolution(int i, const TensorView& feature, const Contours& contours, float stride,
                 bool align_corners, Decoding& decoding) {
    const std::string step = "evolve" + std::to_string(i);
    const Tensor samples = sampled(feature, contours, align_corners, decoding);
    const Contours shape = multiplied(canonical(contours), stride);
    const Feeds feeds = {{step + "_samples", samples.view()}, {step + "_contour", view(shape)}};
    return decoding.refined(feeds, step + "_offset");
}

}  // namespace surgery
