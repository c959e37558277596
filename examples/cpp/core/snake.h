/// Deep Snake: from a heatmap of centres to contours (Peng et al., CVPR 2020, section 3.2).
///
/// The steps and parameters are those of postprocess/decoders/snake.py.
#pragma once

#include "contour_heads.h"
#include "decoder.h"

namespace surgery {

class Snake : public Decoder {
  public:
    explicit Snake(const Field& field);

    Instances operator()(const Feeds& heads, Decoding& decoding) const override;

  private:
    Contours boxes(const ContourMaps& maps, const std::vector<Peak>& centres) const;
    Contours around_extreme_points(const ContourMaps& maps, const Contours& boxes,
                                   Decoding& decoding) const;

    ContourHeads names_;
    PeakRule rule_;
    float stride_;
    int evolutions_;
    std::size_t init_points_;
    std::size_t points_;
    bool align_corners_;
};

}  // namespace surgery
