/// SimCC's keypoints (Li et al., ECCV 2022): each coordinate off its own distribution.
///
/// The steps and parameters are those of postprocess/decoders/simcc.py.
#pragma once

#include <string>

#include "decoder.h"
#include "field.h"

namespace surgery {

class SimCC : public Decoder {
  public:
    explicit SimCC(const Field& field);

    Instances operator()(const Feeds& heads, Decoding& decoding) const override;

  private:
    std::string x_;
    std::string y_;
    float split_ratio_;
    float threshold_;
};

}  // namespace surgery
