/// The map between pixels of an image and of the network's input.
#pragma once

#include <postprocess/image.h>

#include <array>
#include <cstddef>

namespace surgery {

/// network = image * scale + shift, for each axis; x before y.
struct Transform {
    std::array<double, 2> scale{1, 1};
    std::array<double, 2> shift{0, 0};

    Transform() = default;
    /// What is beside the diagonal of `matrix` is left out.
    explicit Transform(const pp_affine& matrix)
        : scale{matrix.m[0], matrix.m[4]}, shift{matrix.m[2], matrix.m[5]} {}

    /// Network-input pixels to image pixels, along one axis.
    float to_image(float value, std::size_t axis) const {
        return static_cast<float>((static_cast<double>(value) - shift[axis]) / scale[axis]);
    }
};

}  // namespace surgery
