#include "maps.h"

#include "parameters.h"
#include "text.h"

namespace surgery {
namespace {

Tensor with_channels_first(const TensorView& map) {
    const auto channels = static_cast<std::size_t>(map.side(3));
    const std::size_t pixels = channels == 0 ? 0 : map.size() / channels;
    std::vector<float> values(map.size());
    for (std::size_t i = 0; i < pixels; ++i) {
        for (std::size_t c = 0; c < channels; ++c) {
            values[c * pixels + i] = map.data[i * channels + c];
        }
    }
    return {{map.side(0), map.side(3), map.side(1), map.side(2)}, std::move(values)};
}

}  // namespace

Map::Map(const Feeds& heads, const std::string& name, bool channels_last)
    : name_(name), view_(head(heads, name)) {
    if (view_.shape.size() != 4 || view_.side(0) != 1) {
        throw InputError("the decoder expects head '" + name + "' " +
                         (channels_last ? "(1,h,w,C)" : "(1,C,h,w)") + ", got " +
                         shown(view_.shape));
    }
    if (channels_last) {
        turned_ = with_channels_first(view_);
        view_ = turned_.view();
    }
}

Tensor with_channels_last(const TensorView& map) {
    const auto channels = static_cast<std::size_t>(map.side(1));
    const std::size_t pixels = channels == 0 ? 0 : map.size() / channels;
    std::vector<float> values(map.size());
    for (std::size_t i = 0; i < pixels; ++i) {
        for (std::size_t c = 0; c < channels; ++c) {
            values[i * channels + c] = map.data[c * pixels + i];
        }
    }
    return {{map.side(0), map.side(2), map.side(3), map.side(1)}, std::move(values)};
}

bool channels_last(const Field& field) {
    return text_or(field, "layout", "nchw", {"nchw", "nhwc"}) == "nhwc";
}

void check_maps(std::initializer_list<std::pair<const Map*, std::size_t>> maps) {
    const Map& first = *maps.begin()->first;
    bool fit = true;
    std::vector<std::string> expected;
    std::vector<std::string> got;
    for (const auto& [map, channels] : maps) {
        if (map != nullptr) {
            fit = fit && map->height() == first.height() && map->width() == first.width() &&
                  (channels == 0 || map->channels() == channels);
            const std::string count = channels == 0 ? "C" : std::to_string(channels);
            expected.push_back(map->name() + " (1," + count + ",h,w)");
            got.push_back(map->name() + " " + shown(map->view().shape));
        }
    }
    if (!fit) {
        throw InputError("the decoder expects maps of one size: " + listed(expected) + ", got " +
                         listed(got));
    }
}

}  // namespace surgery
