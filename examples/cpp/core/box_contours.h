/// From boxes to contours, the part that Deep Snake's two detectors share (Peng et al., CVPR 2020,
/// section 3.2).
///
/// The steps and parameters are those of postprocess/decoders/_box_contours.py.
#pragma once

#include <string>
#include <vector>

#include "contour_heads.h"
#include "decoder.h"

namespace surgery {

/// Boxes around peaks, cut to the map: corners as contours of two points.
Contours boxes_at(const ContourMaps& maps, const std::vector<Peak>& centres);

/// Boxes with the score and class of each kept as "detection" (n, 6).
void keep_boxes(const Contours& boxes, const std::vector<Peak>& peaks, Decoding& decoding);

class BoxContours : public Decoder {
  protected:
    /// `known` are the parameters beyond those that every such decoder has.
    BoxContours(const Field& field, std::vector<std::string> known, const char* heatmap,
                const char* wh, double threshold);

    const ContourHeads& names() const { return names_; }
    const PeakRule& rule() const { return rule_; }

    /// Contours of boxes, feature pixels: diamonds, octagons, evolutions.
    Contours contours(const ContourMaps& maps, const Contours& boxes, Decoding& decoding) const;

    /// Contours in network-input pixels as instances with the score and class of their peaks.
    Instances as_instances(const Contours& contours, const std::vector<Peak>& peaks,
                           Decoding& decoding) const;

  private:
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
