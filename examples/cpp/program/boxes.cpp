#include "boxes.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "error.h"
#include "text.h"

namespace surgery {
namespace {

using Json = nlohmann::json;
using Boxes = std::map<std::string, std::vector<Box>>;

std::string shown(const Box& box) {
    return "[" + Json(box[0]).dump() + ", " + Json(box[1]).dump() + ", " + Json(box[2]).dump() +
           ", " + Json(box[3]).dump() + "]";
}

std::string file_name(const std::string& path) {
    return std::filesystem::path(path).filename().string();
}

/// Throws a Json::exception where the value is no list of four numbers.
Box four(const Json& value) {
    Box box{};
    for (std::size_t i = 0; i < box.size(); ++i) {
        box[i] = value.at(i).get<double>();
    }
    return box;
}

/// COCO's x, y, width, height.
Box from_bbox(const Json& value) {
    const Box box = four(value);
    return {box[0], box[1], box[0] + box[2], box[1] + box[3]};
}

/// An id as text: 139 or "139".
std::string key(const Json& id) { return id.is_string() ? id.get<std::string>() : id.dump(); }

Boxes by_image(const Json& content) {
    Boxes found;
    if (content.is_object() && content.contains("annotations")) {
        std::map<std::string, std::string> names;
        for (const Json& image : content.at("images")) {
            const std::string name = file_name(image.at("file_name").get<std::string>());
            names[key(image.at("id"))] = name;
            found[name];
        }
        for (const Json& each : content.at("annotations")) {
            const auto image = names.find(key(each.at("image_id")));
            if (image == names.end()) {
                throw std::out_of_range("an annotation of an image that is not listed");
            }
            found[image->second].push_back(from_bbox(each.at("bbox")));
        }
        return found;
    }
    const Json entries = content.is_array() ? content : Json::array({content});
    for (const Json& each : entries) {
        if (each.contains("instances")) {
            std::vector<Box>& boxes = found[file_name(each.at("image").get<std::string>())];
            for (const Json& item : each.at("instances")) {
                boxes.push_back(four(item.at("box")));
            }
        } else {
            found[key(each.at("image_id"))].push_back(from_bbox(each.at("bbox")));
        }
    }
    return found;
}

/// One JSON value, or several, one a line.
Json parsed(const std::string& text, const std::string& path) {
    Json whole = Json::parse(text, nullptr, false);
    if (!whole.is_discarded()) {
        return whole;
    }
    Json lines = Json::array();
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        if (line.find_first_not_of(" \t\r") != std::string::npos) {
            lines.push_back(Json::parse(line, nullptr, false));
            if (lines.back().is_discarded()) {
                throw InputError(path + ": not JSON");
            }
        }
    }
    return lines;
}

/// Names that COCO may know an image by: its file's name, the stem, and the number at its end.
std::vector<std::string> keys(const std::string& image) {
    const std::string stem = std::filesystem::path(image).stem().string();
    std::vector<std::string> all = {file_name(image), stem};
    const std::size_t last = stem.find_last_not_of("0123456789");
    const std::string digits = last == std::string::npos ? stem : stem.substr(last + 1);
    if (!digits.empty()) {
        const std::size_t first = digits.find_first_not_of('0');
        all.push_back(first == std::string::npos ? "0" : digits.substr(first));
    }
    return all;
}

}  // namespace

std::vector<Box> checked_boxes(std::vector<Box> boxes, const Image& image) {
    for (std::size_t i = 0; i < boxes.size(); ++i) {
        const Box& box = boxes[i];
        const std::string name = "box " + std::to_string(i);
        const bool finite =
            std::all_of(box.begin(), box.end(), [](double side) { return std::isfinite(side); });
        if (!finite || !(box[2] > box[0]) || !(box[3] > box[1])) {
            throw InputError(name + " expects x1 < x2 and y1 < y2, got " + shown(box) +
                             ": is it x, y, width, height?");
        }
        if (box[0] >= image.width || box[1] >= image.height || box[2] <= 0 || box[3] <= 0) {
            throw InputError(name + " " + shown(box) + " lies outside of the image, which is " +
                             std::to_string(image.width) + " x " + std::to_string(image.height) +
                             ": are the boxes of another image?");
        }
    }
    return boxes;
}

BoxFile::BoxFile(const std::string& path) : path_(path) {
    std::ifstream file(path, std::ios::binary);
    if (!file || std::filesystem::is_directory(path)) {
        throw InputError(path + ": cannot be read");
    }
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const Json content = parsed(text, path);
    try {
        boxes_ = by_image(content);
    } catch (const std::exception&) {  // a key or an index that is not there, or another type
        throw InputError(path +
                         ": expected COCO annotations, COCO results or the lines that --json "
                         "prints; it is none of these");
    }
}

const std::vector<Box>& BoxFile::of(const std::string& image) const {
    for (const std::string& each : keys(image)) {
        const auto found = boxes_.find(each);
        if (found != boxes_.end()) {
            return found->second;
        }
    }
    std::vector<std::string> known;
    for (const auto& [name, boxes] : boxes_) {
        if (known.size() < 3) {
            known.push_back(name);
        }
    }
    throw InputError(path_ + ": has no boxes for " + file_name(image) + " (it knows " +
                     (known.empty() ? "no image" : listed(known)) + ")");
}

}  // namespace surgery
