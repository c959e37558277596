/// Keypoints of networks that see one person an image: one heatmap a joint, one instance a picture.
///
/// The steps and parameters are those of postprocess/decoders/top_down.py.
#pragma once

#include <string>

#include "decoder.h"
#include "maps.h"

namespace surgery {

class TopDown : public Decoder {
  public:
    explicit TopDown(const Field& field);

    Instances operator()(const Feeds& heads, Decoding& decoding) const override;

    Tensors merge_flipped(const Feeds& heads, const Feeds& mirrored,
                          const std::vector<std::int64_t>& order) const override;

    bool has_flip_test() const override { return true; }

  private:
    float pixels(std::int64_t side) const;
    float person_score(const std::vector<float>& scores) const;

    std::string heatmap_;
    float stride_;
    std::string method_;
    std::int64_t kernel_;
    bool udp_;
    bool sigmoid_;
    bool visible_;
    float joint_threshold_;
    float threshold_;
    bool channels_last_;
};

}  // namespace surgery
