/// What of an image a network sees that finds the joints of one person: postprocess/affine.py and
/// person_crop of postprocess/boxes.py.
#pragma once

#include <postprocess/image.h>

#include <array>

namespace surgery {

using Box = std::array<double, 4>;  // x1, y1, x2, y2, image pixels

/// The affine warp of training: the box, widened to the network's aspect and grown, fills the
/// input. `udp` counts lengths as size - 1.
pp_affine person_affine(const Box& box, int height, int width, double growth, bool udp);

/// The crop of deployment, whole pixels x1, y1, x2, y2: the grown box, widened to the network's
/// aspect and clipped to the image.
std::array<int, 4> person_crop(const Box& box, int image_height, int image_width, int height,
                               int width, double growth);

}  // namespace surgery
