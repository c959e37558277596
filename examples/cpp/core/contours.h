/// Arithmetic of closed contours between the networks of e2ec and Deep Snake: the library's
/// functions (postprocess/contours.h) on vectors, and a few of their own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "instances.h"
#include "kernels.h"
#include "tensor.h"

namespace surgery {

/// A (n, P, 2) view, for a graph's input or a trace.
TensorView view(const Contours& contours);

/// A copy of them as an array.
Tensor copied(const Contours& contours);

/// contours + offsets * factor; offsets (n, P, 2).
Contours moved(const Contours& contours, const TensorView& offsets, float factor);

Contours multiplied(const Contours& contours, float factor);
Contours divided(const Contours& contours, float divisor);

/// Clip to [0, width - 1] x [0, height - 1]; NaN stays.
void clip(Contours& contours, std::int64_t height, std::int64_t width);

/// Each contour moved so that its least x and y are 0.
Contours canonical(const Contours& contours);

/// Each contour with a point before its first one; `first` holds one point for each contour.
Contours preceded(const Contours& first, const Contours& contours);

/// Midpoints of the edges of boxes, top, left, bottom, right; `boxes` holds the two corners of
/// each.
Contours diamonds(const Contours& boxes);

/// Octagons of 12 vertices through extreme points (top, left, bottom, right).
Contours octagons(const Contours& extreme);

/// Middle of each contour's bounding box, as contours of one point.
Contours middles(const Contours& contours);

/// `last`, but a contour with at least three more zigzag points than before goes back to
/// `previous` (the authors' post_process.py).
Contours without_jagged(const Contours& previous, const Contours& last);

/// One instance for each finite contour, its box around it; a sentence in `warnings` counts the
/// others.
Instances instances(const Contours& contours, const std::vector<Peak>& peaks,
                    std::vector<std::string>& warnings);

}  // namespace surgery
