/// E2EC: from a heatmap of centres to contours (Zhang et al., CVPR 2022, sections 3.2 to 3.4).
///
/// The steps and parameters are those of postprocess/decoders/e2ec.py.
#pragma once

#include <optional>

#include "contour_heads.h"
#include "decoder.h"

namespace surgery {

class E2EC : public Decoder {
  public:
    explicit E2EC(const Field& field);

    Instances operator()(const Feeds& heads, Decoding& decoding) const override;

  private:
    Contours initial(const ContourMaps& maps, const std::vector<Peak>& centres) const;
    Contours coarse(const ContourMaps& maps, const std::vector<Peak>& centres,
                    const Contours& contours, Decoding& decoding) const;
    void keep(const char* name, const Contours& contours, Decoding& decoding) const;

    ContourHeads names_;
    PeakRule rule_;
    float stride_;
    float init_stride_;
    float coarse_stride_;
    float evolve_stride_;
    int evolutions_;
    std::size_t points_;
    std::optional<double> nms_iou_;
    bool jagged_filter_;
};

}  // namespace surgery
