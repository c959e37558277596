#include "ctdet.h"

#include <algorithm>
#include <cmath>

#include "maps.h"
#include "parameters.h"

namespace surgery {
namespace {

pp_ctdet_options options_of(const Field& field, bool has_offset, float stride) {
    pp_ctdet_options options = pp_ctdet_options_default();
    options.peaks = peaks_options(field);
    options.ltrb = text_or(field, "box", "wh", {"wh", "ltrb"}) == "ltrb" ? 1 : 0;
    const double scale = field.has("size_scale") ? field["size_scale"].number() : 1;
    const bool input = text_or(field, "size_unit", "feature", {"feature", "input"}) == "input";
    options.size_factor = static_cast<float>(input ? scale / static_cast<double>(stride) : scale);
    options.center_shift = center_shift(field, has_offset);
    if (const std::optional<double> iou = number_if(field, "iou")) {
        options.iou = static_cast<float>(*iou);
    }
    return options;
}

}  // namespace

float center_shift(const Field& field, bool has_offset) {
    return static_cast<float>(number_if(field, "center_shift").value_or(has_offset ? 0 : 0.5));
}

void keep_detection(const Instances& found, Decoding& decoding) {
    std::vector<float> rows;
    for (const Instance& instance : found) {
        rows.insert(rows.end(), instance.box.begin(), instance.box.end());
        rows.insert(rows.end(), {instance.score, static_cast<float>(instance.class_index)});
    }
    decoding.keep("detection", {{static_cast<std::int64_t>(found.size()), 6}, rows.data()});
}

Instances finite(Instances found, const char* what, std::vector<std::string>& warnings) {
    const auto number = [](float value) { return std::isfinite(value); };
    const auto good = [&](const Instance& each) {
        return std::all_of(each.box.begin(), each.box.end(), number) &&
               std::all_of(each.keypoints.begin(), each.keypoints.end(), number);
    };
    const std::size_t all = found.size();
    found.erase(std::stable_partition(found.begin(), found.end(), good), found.end());
    if (found.size() != all) {
        warnings.push_back(std::to_string(all - found.size()) + " of " + std::to_string(all) + " " +
                           what +
                           " hold NaN or infinities and are dropped: look for an overflow in the "
                           "network (float16?)");
    }
    return found;
}

CTDet::CTDet(const Field& field)
    : heatmap_(text_or(field.only({"heatmap", "size", "offset", "box", "activation", "stride",
                                   "size_unit", "size_scale", "center_shift", "kernel", "k",
                                   "threshold", "iou", "layout", "backend"}),
                       "heatmap", "hm")),
      size_(text_or(field, "size", "wh")),
      offset_(text_if(field, "offset")),
      channels_last_(channels_last(field)),
      stride_(above_zero(field, "stride", 4)),
      options_(options_of(field, offset_.has_value(), stride_)) {}

Instances CTDet::operator()(const Feeds& heads, Decoding& decoding) const {
    const Map heatmap(heads, heatmap_, channels_last_);
    const Map size(heads, size_, channels_last_);
    std::optional<Map> offset;
    if (offset_) {
        offset.emplace(heads, *offset_, channels_last_);
    }
    check_maps(
        {{&heatmap, 0}, {&size, options_.ltrb != 0 ? 4 : 2}, {offset ? &*offset : nullptr, 2}});
    const std::size_t most = options_.peaks.k;
    std::vector<float> scores(most);
    std::vector<std::int64_t> classes(most);
    std::vector<float> boxes(4 * most);
    std::size_t count = 0;
    pp_non_finite non_finite{};
    expect_ok(pp_ctdet(heatmap.data(), size.data(), offset ? offset->data() : nullptr, 1,
                       heatmap.channels(), heatmap.height(), heatmap.width(), &options_,
                       scores.data(), classes.data(), boxes.data(), most, &count, &non_finite),
              "ctdet");
    warn_non_finite("heatmap", non_finite, decoding.warnings);
    Instances found(count);
    for (std::size_t i = 0; i < count; ++i) {
        found[i].score = scores[i];
        found[i].class_index = classes[i];
        std::transform(boxes.begin() + static_cast<std::ptrdiff_t>(4 * i),
                       boxes.begin() + static_cast<std::ptrdiff_t>(4 * i + 4), found[i].box.begin(),
                       [this](float side) { return side * stride_; });
    }
    keep_detection(found, decoding);
    return finite(std::move(found), "boxes", decoding.warnings);
}

}  // namespace surgery
