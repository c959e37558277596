/// Deep Snake: from a heatmap of centres to contours (Peng et al., CVPR 2020, section 3.2).
///
/// The steps and parameters are those of postprocess/decoders/snake.py.
#pragma once

#include "box_contours.h"

namespace surgery {

class Snake : public BoxContours {
  public:
    explicit Snake(const Field& field) : BoxContours(field, {}, "ct_hm", "wh", 0.05) {}

    Instances operator()(const Feeds& heads, Decoding& decoding) const override;
};

}  // namespace surgery
