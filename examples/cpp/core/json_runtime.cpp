#include "json_runtime.h"

#include <exception>

#include "result.h"

namespace surgery {
namespace {

using Json = nlohmann::ordered_json;

template <typename Work>
std::string answer(Work work) {
    Json value = Json::object();
    try {
        work(value);
    } catch (const std::exception& error) {
        value = {{"error", error.what()}};
    }
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string JsonRuntime::load(const std::string& bundle_json, const OpenGraph& open) {
    return answer([&](Json&) {
        runtime_ = std::make_unique<Runtime>(parse_bundle(bundle_json, "bundle.json"), open);
    });
}

std::string JsonRuntime::run(const Image& image) {
    return answer([&](Json& value) {
        if (runtime_ == nullptr) {
            throw InputError("no bundle is loaded");
        }
        Stopwatch watch;
        std::vector<std::string> warnings;
        const Instances found = (*runtime_)(image, watch, warnings);
        value = to_json("", found, runtime_->bundle().classes);
        value.erase("image");
        for (std::size_t i = 0; i < kStageNames.size(); ++i) {
            value["latency"][kStageNames[i]] = watch.milliseconds()[i];
        }
        value["warnings"] = warnings;
    });
}

Image without_alpha(const std::uint8_t* pixels, int height, int width, int blue, int green,
                    int red) {
    Image image(height, width);
    for (std::size_t i = 0; i < image.bgr.size() / 3; ++i) {
        image.bgr[3 * i] = pixels[4 * i + static_cast<std::size_t>(blue)];
        image.bgr[3 * i + 1] = pixels[4 * i + static_cast<std::size_t>(green)];
        image.bgr[3 * i + 2] = pixels[4 * i + static_cast<std::size_t>(red)];
    }
    return image;
}

}  // namespace surgery
