/// CenterNet's people (Zhou et al., "Objects as Points", section 5).
///
/// The steps and parameters are those of postprocess/decoders/multi_pose.py.
#pragma once

#include <postprocess/decode.h>

#include <optional>
#include <string>

#include "decoder.h"
#include "field.h"

namespace surgery {

class MultiPose : public Decoder {
  public:
    explicit MultiPose(const Field& field);

    Instances operator()(const Feeds& heads, Decoding& decoding) const override;

  private:
    std::string heatmap_;
    std::string size_;
    std::string keypoints_;
    std::optional<std::string> offset_;
    std::optional<std::string> joint_heatmap_;
    std::optional<std::string> joint_offset_;
    bool channels_last_;
    float stride_;
    pp_multi_pose_options options_;
};

}  // namespace surgery
