/// MoveNet's keypoints: one person, joints looked for around their regression.
///
/// The steps and parameters are those of postprocess/decoders/movenet.py.
#pragma once

#include <string>

#include "decoder.h"
#include "field.h"

namespace surgery {

class MoveNet : public Decoder {
  public:
    explicit MoveNet(const Field& field);

    Instances operator()(const Feeds& heads, Decoding& decoding) const override;

  private:
    float pixels(std::size_t side) const;

    std::string center_;
    std::string heatmap_;
    std::string regression_;
    std::string offset_;
    float stride_;
    bool logits_;
    bool half_constants_;
    float threshold_;
    bool channels_last_;
};

}  // namespace surgery
