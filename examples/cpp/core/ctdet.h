/// CenterNet's boxes (Zhou et al., "Objects as Points", section 4).
///
/// The steps and parameters are those of postprocess/decoders/ctdet.py.
#pragma once

#include <postprocess/decode.h>

#include <optional>
#include <string>

#include "decoder.h"
#include "field.h"

namespace surgery {

class CTDet : public Decoder {
  public:
    explicit CTDet(const Field& field);

    Instances operator()(const Feeds& heads, Decoding& decoding) const override;

  private:
    std::string heatmap_;
    std::string size_;
    std::optional<std::string> offset_;
    bool channels_last_;
    float stride_;
    pp_ctdet_options options_;
};

/// Boxes with scores and classes, kept as "detection" (n, 6): box, score, class.
void keep_detection(const Instances& found, Decoding& decoding);

/// The instances whose numbers are all finite; a sentence in `warnings` counts the others.
Instances finite(Instances found, const char* what, std::vector<std::string>& warnings);

/// CenterNet's rule where the parameter is null: half a pixel stands in for an offset.
float center_shift(const Field& field, bool has_offset);

}  // namespace surgery
