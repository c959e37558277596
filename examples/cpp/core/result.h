/// Instances in image pixels with their class names, and the JSON of `python -m postprocess`.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "instances.h"
#include "transform.h"

namespace surgery {

/// Move instances from network-input pixels to image pixels.
Instances in_image(Instances found, const Transform& transform);

/// A class's name; its number where it has none.
std::string label_of(const Instance& instance, const std::vector<std::string>& classes);

/// {"image": path, "instances": [{"label", "class", "score", "box", "contour" or "keypoints"}]},
/// coordinates rounded to a thousandth of a pixel.
nlohmann::ordered_json to_json(const std::string& image, const Instances& found,
                               const std::vector<std::string>& classes);

}  // namespace surgery
