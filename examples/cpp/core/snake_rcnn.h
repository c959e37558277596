/// Deep Snake with component detection: instances that occlusion cuts become several contours.
///
/// The steps and parameters are those of postprocess/decoders/snake_rcnn.py.
#pragma once

#include <cstdint>
#include <vector>

#include "box_contours.h"

namespace surgery {

class SnakeRcnn : public BoxContours {
  public:
    explicit SnakeRcnn(const Field& field);

    Instances operator()(const Feeds& heads, Decoding& decoding) const override;

  private:
    /// Boxes of components, each with the index of its instance.
    struct Components {
        Contours boxes;
        std::vector<std::size_t> owners;
    };

    std::vector<Peak> distinct(const ContourMaps& maps, const std::vector<Peak>& centres) const;
    Components components(const ContourMaps& maps, const Contours& boxes,
                          const std::vector<Peak>& centres, Decoding& decoding) const;
    Contours component_boxes(const float* maps, const float* box) const;
    bool whole(const Peak& peak) const;

    std::size_t rows_ = 7;
    std::size_t columns_ = 28;
    float instance_overlap_;
    float component_overlap_;
    float component_score_;
    std::size_t components_;
    std::vector<std::int64_t> whole_classes_ = {1, 2};  // Cityscapes' person and rider
};

}  // namespace surgery
