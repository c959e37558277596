#include "result.h"

#include <cmath>

namespace surgery {
namespace {

using Json = nlohmann::ordered_json;

double thousandths(float value) { return std::nearbyint(static_cast<double>(value) * 1e3) / 1e3; }

template <typename Values>
Json list(const Values& values) {
    Json numbers = Json::array();
    for (const float value : values) {
        numbers.push_back(thousandths(value));
    }
    return numbers;
}

/// Values in rows of `columns`.
Json rows(const std::vector<float>& values, std::size_t columns) {
    Json all = Json::array();
    for (std::size_t i = 0; i + columns <= values.size(); i += columns) {
        const auto first = values.begin() + static_cast<std::ptrdiff_t>(i);
        const auto end = first + static_cast<std::ptrdiff_t>(columns);
        all.push_back(list(std::vector<float>(first, end)));
    }
    return all;
}

}  // namespace

Instances in_image(Instances found, const Transform& transform) {
    for (Instance& instance : found) {
        for (std::size_t i = 0; i < instance.box.size(); ++i) {
            instance.box[i] = transform.to_image(instance.box[i], i % 2);
        }
        for (std::size_t i = 0; i < instance.contour.size(); ++i) {
            instance.contour[i] = transform.to_image(instance.contour[i], i % 2);
        }
        for (std::size_t i = 0; i < instance.keypoints.size(); i += 3) {
            instance.keypoints[i] = transform.to_image(instance.keypoints[i], 0);
            instance.keypoints[i + 1] = transform.to_image(instance.keypoints[i + 1], 1);
        }
    }
    return found;
}

std::string label_of(const Instance& instance, const std::vector<std::string>& classes) {
    const auto index = static_cast<std::size_t>(instance.class_index);
    return index < classes.size() ? classes[index] : std::to_string(instance.class_index);
}

Json to_json(const std::string& image, const Instances& found,
             const std::vector<std::string>& classes) {
    Json items = Json::array();
    for (const Instance& instance : found) {
        Json item;
        item["label"] = label_of(instance, classes);
        item["class"] = instance.class_index;
        item["score"] = std::nearbyint(static_cast<double>(instance.score) * 1e6) / 1e6;
        item["box"] = list(instance.box);
        if (!instance.contour.empty()) {
            item["contour"] = rows(instance.contour, 2);
        }
        if (!instance.keypoints.empty()) {
            item["keypoints"] = rows(instance.keypoints, 3);
        }
        if (instance.track != 0) {
            item["track"] = instance.track;
        }
        items.push_back(std::move(item));
    }
    Json result;
    result["image"] = image;
    result["instances"] = std::move(items);
    return result;
}

}  // namespace surgery
