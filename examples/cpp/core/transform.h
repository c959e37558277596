/// The map between pixels of an image and of the network's input.
#pragma once

#include <array>
#include <cstddef>

namespace surgery {

/// network = image * scale + shift, for each axis; x before y.
struct Transform {
    std::array<double, 2> scale{1, 1};
    std::array<double, 2> shift{0, 0};

    /// Network-input pixels to image pixels, along one axis.
    float to_image(float value, std::size_t axis) const {
        return static_cast<float>((static_cast<double>(value) - shift[axis]) / scale[axis]);
    }
};

}  // namespace surgery
