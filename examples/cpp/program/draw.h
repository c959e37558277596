/// A result drawn on its image, as postprocess/draw.py draws it.
#pragma once

#include "bundle.h"
#include "image.h"
#include "instances.h"

namespace surgery {

/// Instances below this are not drawn, as E2EC's and Deep Snake's authors draw theirs.
inline constexpr float kDrawnScore = 0.3F;

/// A copy of the image, enlarged by a whole factor where it is small, with its instances: contours
/// filled and outlined, boxes, keypoints and skeleton, labels.
Image overlay(const Image& image, const Instances& found, const Bundle& bundle, float least_score);

}  // namespace surgery
