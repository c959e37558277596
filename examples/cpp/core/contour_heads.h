/// What the decoders of contour models share: their three heads, and the evolutions.
#pragma once

#include <cstdint>
#include <string>

#include "contours.h"
#include "decoder.h"
#include "field.h"

namespace surgery {

/// Names of the backbone's outputs.
struct ContourHeads {
    /// The usual names are taken where the parameters give none.
    explicit ContourHeads(const Field& field, const char* usual_heatmap = "ct_hm",
                          const char* usual_wh = "wh");

    std::string heatmap;  // (1, C, h, w) logits
    std::string wh;       // (1, D, h, w)
    std::string feature;  // (1, F, h, w)
};

/// The heads of one image, of one height and width.
struct ContourMaps {
    /// Throws an InputError where a head is missing, or where `wh` has not `channels` channels.
    ContourMaps(const Feeds& heads, const ContourHeads& names, std::int64_t channels);

    std::int64_t height() const { return wh.side(2); }
    std::int64_t width() const { return wh.side(3); }

    /// Value of a channel of `wh` at a peak.
    float wh_at(std::int64_t channel, const Peak& peak) const {
        return wh.data[(channel * height() + peak.y) * width() + peak.x];
    }

    TensorView heatmap;
    TensorView wh;
    TensorView feature;
};

/// Samples of the feature at points, on the stopwatch's account.
Tensor sampled(const TensorView& feature, const Contours& points, bool align_corners,
               Decoding& decoding);

/// Offsets of evolution i, (n, P, 2) network-input pixels, for contours in feature pixels.
Tensor evolution(int i, const TensorView& feature, const Contours& contours, float stride,
                 bool align_corners, Decoding& decoding);

}  // namespace surgery
