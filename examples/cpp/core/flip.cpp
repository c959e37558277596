#include "flip.h"

#include <algorithm>

#include "error.h"

namespace surgery {
namespace {

/// `name` with every `side` in it replaced by `other`.
std::string exchanged(std::string name, const std::string& side, const std::string& other) {
    for (std::size_t at = name.find(side); at != std::string::npos;
         at = name.find(side, at + other.size())) {
        name.replace(at, side.size(), other);
    }
    return name;
}

}  // namespace

std::vector<std::int64_t> mirror_order(const std::vector<std::string>& names) {
    std::vector<std::int64_t> order;
    for (const std::string& name : names) {
        const bool left = name.find("left") != std::string::npos;
        const std::string other =
            left ? exchanged(name, "left", "right") : exchanged(name, "right", "left");
        const auto found = std::find(names.begin(), names.end(), other);
        if (found == names.end()) {
            throw InputError("flip test: keypoint '" + name + "' has no counterpart '" + other +
                             "'");
        }
        order.push_back(found - names.begin());
    }
    return order;
}

Tensor mirrored(const TensorView& images) {
    const auto width = static_cast<std::size_t>(images.shape.back());
    std::vector<float> values(images.data, images.data + images.size());
    for (auto row = values.begin(); row != values.end();) {
        const auto end = row + static_cast<std::ptrdiff_t>(width);
        std::reverse(row, end);
        row = end;
    }
    return {images.shape, std::move(values)};
}

}  // namespace surgery
