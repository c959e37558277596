#include "preprocess.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace surgery {
namespace {

/// Python's round(): halves go to the even neighbour.
int rounded(double value) { return static_cast<int>(std::nearbyint(value)); }

std::pair<Image, Transform> scaled_about_the_middle(const Image& image, int height, int width,
                                                    int across) {
    const double factor = static_cast<double>(width) / across;
    const pp_affine matrix = {{factor, 0, width / 2.0 - factor * (image.width / 2), 0, factor,
                               height / 2.0 - factor * (image.height / 2)}};
    return {warped(image, matrix, height, width), Transform(matrix)};
}

}  // namespace

Preprocess::Preprocess(const Field& field) {
    field.only({"color", "scale", "mean", "std", "size", "resize", "multiple", "rescale",
                "always_pad", "growth", "layout", "dtype"});
    rgb_ = field["color"].text({"bgr", "rgb"}) == "rgb";
    resize_ = field["resize"].text(
        {"letterbox", "stretch", "keep", "warp", "affine", "affine_udp", "crop"});
    if (const Field size = field["size"]; !size.null()) {
        const std::vector<Field> sides = size.elements(2);
        size_ = {static_cast<int>(sides[0].integer(1)), static_cast<int>(sides[1].integer(1))};
    }
    if (!size_ && resize_ != "keep" && resize_ != "warp") {
        throw field["size"].error("[height, width] for resize '" + resize_ + "'");
    }
    if (size_ && resize_ == "keep") {
        throw field["size"].error("null for resize 'keep', which follows the image");
    }
    multiple_ = field.has("multiple") ? static_cast<int>(field["multiple"].integer(1)) : 32;
    rescale_ = field.has("rescale") ? field["rescale"].number() : 1;
    if (!(rescale_ > 0)) {
        throw field["rescale"].error("a number above 0");
    }
    growth_ = field.has("growth") ? field["growth"].number() : 1;
    if (!(growth_ > 0)) {
        throw field["growth"].error("a number above 0");
    }
    always_pad_ = field.has("always_pad") && field["always_pad"].flag();
    for (const auto& [key, only] : {std::pair("layout", "nchw"), std::pair("dtype", "float32")}) {
        if (field.has(key)) {
            field[key].text({only});
        }
    }
    const auto scale = static_cast<float>(field["scale"].number());
    const std::vector<Field> mean = field["mean"].elements(3);
    const std::vector<Field> std = field["std"].elements(3);
    for (std::size_t channel = 0; channel < 3; ++channel) {
        const auto middle = static_cast<float>(mean[channel].number());
        const auto spread = static_cast<float>(std[channel].number());
        if (spread == 0) {
            throw std[channel].error("a number that is not 0");
        }
        for (std::size_t value = 0; value < 256; ++value) {
            table_[channel][value] = (static_cast<float>(value) * scale - middle) / spread;
        }
    }
}

bool Preprocess::takes_boxes() const {
    return resize_ == "affine" || resize_ == "affine_udp" || resize_ == "crop";
}

std::pair<Tensor, Transform> Preprocess::operator()(const Image& image,
                                                    const std::optional<Box>& box) const {
    const auto [pixels, transform] = canvas(image, box);
    const std::size_t area = static_cast<std::size_t>(pixels.height) * pixels.width;
    std::vector<float> values(3 * area);
    for (std::size_t channel = 0; channel < 3; ++channel) {
        const std::array<float, 256>& table = table_[channel];
        const std::uint8_t* pixel = pixels.bgr.data() + (rgb_ ? 2 - channel : channel);
        float* plane = values.data() + channel * area;
        for (std::size_t i = 0; i < area; ++i) {
            plane[i] = table[pixel[3 * i]];
        }
    }
    return {Tensor({1, 3, pixels.height, pixels.width}, std::move(values)), transform};
}

std::pair<Image, Transform> Preprocess::canvas(const Image& image,
                                               const std::optional<Box>& box) const {
    const auto [height, width] = size_.value_or(std::array{side(image.height), side(image.width)});
    if (resize_ == "warp") {
        const int across = size_ ? std::max(image.height, image.width) : image.width;
        return scaled_about_the_middle(image, height, width, across);
    }
    if (takes_boxes()) {
        return person(image, box, height, width);
    }
    if (resize_ == "stretch") {
        return placed(image, height, width, height, width);
    }
    const double factor = resize_ == "keep" ? 1.0 / rescale_
                                            : std::min(static_cast<double>(height) / image.height,
                                                       static_cast<double>(width) / image.width);
    const int inner_height = std::clamp(rounded(image.height * factor), 1, height);
    const int inner_width = std::clamp(rounded(image.width * factor), 1, width);
    return placed(image, inner_height, inner_width, height, width);
}

/// One person of the image, or all of it.
std::pair<Image, Transform> Preprocess::person(const Image& image, const std::optional<Box>& given,
                                               int height, int width) const {
    const Box all = {0, 0, static_cast<double>(image.width), static_cast<double>(image.height)};
    const Box box = given.value_or(all);
    const double growth = given ? growth_ : 1;
    if (resize_ != "crop") {
        const pp_affine matrix = person_affine(box, height, width, growth, resize_ == "affine_udp");
        return {warped(image, matrix, height, width), Transform(matrix)};
    }
    const auto [left, top, right, bottom] =
        person_crop(box, image.height, image.width, height, width, growth);
    Image part(bottom - top, right - left);
    for (int y = 0; y < part.height; ++y) {
        std::memcpy(part.row(y), image.row(top + y) + 3 * left,
                    3 * static_cast<std::size_t>(part.width));
    }
    Transform transform;
    transform.scale = {static_cast<double>(width) / part.width,
                       static_cast<double>(height) / part.height};
    transform.shift = {-left * transform.scale[0], -top * transform.scale[1]};
    return {resized(part, height, width, false), transform};
}

/// Side of the canvas for a side of the image, where the canvas follows the image.
int Preprocess::side(int length) const {
    const double scaled = length / rescale_;
    if (always_pad_) {
        return (static_cast<int>(scaled) / multiple_ + 1) * multiple_;
    }
    return static_cast<int>(std::ceil(scaled / multiple_)) * multiple_;
}

/// Resize to the inner size, centre on a black canvas.
std::pair<Image, Transform> Preprocess::placed(const Image& image, int inner_height,
                                               int inner_width, int height, int width) const {
    Image inner = image;
    if (inner_height != image.height || inner_width != image.width) {
        const bool shrinks = static_cast<std::int64_t>(inner_height) * inner_width <
                             static_cast<std::int64_t>(image.height) * image.width;
        inner = resized(image, inner_height, inner_width, shrinks);
    }
    const int top = (height - inner_height) / 2;
    const int left = (width - inner_width) / 2;
    Image outer(height, width);
    for (int y = 0; y < inner_height; ++y) {
        std::memcpy(outer.row(top + y) + 3 * left, inner.row(y),
                    3 * static_cast<std::size_t>(inner_width));
    }
    Transform transform;
    transform.scale = {static_cast<double>(inner_width) / image.width,
                       static_cast<double>(inner_height) / image.height};
    transform.shift = {static_cast<double>(left), static_cast<double>(top)};
    return {std::move(outer), transform};
}

}  // namespace surgery
