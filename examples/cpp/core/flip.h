/// Flip test: what a network gives for the mirrored image, averaged in:
/// postprocess/decoders/flip.py.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensor.h"

namespace surgery {

/// Index of each keypoint's mirror image, by name: left_eye is right_eye's, nose its own. Throws an
/// InputError for a name with left or right that has no counterpart.
std::vector<std::int64_t> mirror_order(const std::vector<std::string>& names);

/// Mirrored left to right, along the last axis.
Tensor mirrored(const TensorView& images);

}  // namespace surgery
