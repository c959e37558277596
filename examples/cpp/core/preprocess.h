/// From a photo to the network's input, and the way back for points: postprocess/preprocess.py,
/// whose docstring gives the resize rules.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "field.h"
#include "image.h"
#include "person.h"
#include "tensor.h"
#include "transform.h"

namespace surgery {

/// What bundle.json says under "preprocess".
class Preprocess {
  public:
    /// Read and check the object; throws an InputError that names the field.
    explicit Preprocess(const Field& field);

    /// (1, 3, h, w) float32 tensor = (image in the network's colour order * scale - mean) / std,
    /// and the map between the two images' pixels. `box` is a person's, for the rules that take
    /// one; they see the whole image, not grown, without it.
    std::pair<Tensor, Transform> operator()(const Image& image,
                                            const std::optional<Box>& box = std::nullopt) const;

    /// Whether the network sees one person of the image at a time.
    bool takes_boxes() const;

  private:
    std::pair<Image, Transform> placed(const Image& image, int inner_height, int inner_width,
                                       int height, int width) const;
    std::pair<Image, Transform> canvas(const Image& image, const std::optional<Box>& box) const;
    std::pair<Image, Transform> person(const Image& image, const std::optional<Box>& box,
                                       int height, int width) const;
    int side(int length) const;

    bool rgb_ = false;
    std::array<std::array<float, 256>, 3> table_{};  // the tensor's value of each pixel value
    std::optional<std::array<int, 2>> size_;         // height, width; empty: follows the image
    std::string resize_;
    int multiple_ = 32;
    double rescale_ = 1;
    bool always_pad_ = false;
    double growth_ = 1;
};

}  // namespace surgery
