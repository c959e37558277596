#include "top_down.h"

#include <algorithm>
#include <cmath>

#include "joints.h"
#include "kernels.h"
#include "parameters.h"

namespace surgery {
namespace {

Tensor probabilities(const TensorView& logits) {
    std::vector<float> values(logits.data, logits.data + logits.size());
    std::transform(values.begin(), values.end(), values.begin(), [](float value) {
        return static_cast<float>(1 / (1 + std::exp(-static_cast<double>(value))));
    });
    return {logits.shape, std::move(values)};
}

}  // namespace

TopDown::TopDown(const Field& field)
    : heatmap_(text_or(field.only({"heatmap", "stride", "method", "kernel", "udp", "activation",
                                   "score", "joint_threshold", "threshold", "layout", "backend"}),
                       "heatmap", "heatmap")),
      stride_(above_zero(field, "stride", 4)),
      method_(text_or(field, "method", "dark", {"argmax", "quarter", "dark", "dark_udp"})),
      kernel_(odd_or(field, "kernel", 3)),
      udp_(field.has("udp") && !field["udp"].null() ? field["udp"].flag() : method_ == "dark_udp"),
      sigmoid_(text_or(field, "activation", "none", {"none", "sigmoid"}) == "sigmoid"),
      visible_(text_or(field, "score", "mean", {"mean", "visible"}) == "visible"),
      joint_threshold_(number_or(field, "joint_threshold", 0.2F)),
      threshold_(number_or(field, "threshold", 0)),
      channels_last_(channels_last(field)) {}

Instances TopDown::operator()(const Feeds& heads, Decoding& decoding) const {
    const Map map(heads, heatmap_, channels_last_);
    TensorView maps = map.view();
    if (maps.size() == 0) {
        throw InputError("head '" + heatmap_ + "' holds no joint or no pixel");
    }
    Tensor activated;
    if (sigmoid_) {
        activated = probabilities(maps);
        maps = activated.view();
    }
    const Keypoints found = keypoints(maps, method_, kernel_, decoding.warnings);
    std::vector<float> joints =
        joined(found.points, found.scores, pixels(maps.side(3)), pixels(maps.side(2)));
    decoding.keep("keypoints", {{1, maps.side(1), 3}, joints.data()});
    return single_person(std::move(joints), person_score(found.scores), threshold_,
                         decoding.warnings);
}

Tensors TopDown::merge_flipped(const Feeds& heads, const Feeds& mirrored,
                               const std::vector<std::int64_t>& order) const {
    const Map map(heads, heatmap_, channels_last_);
    const Map other(mirrored, heatmap_, channels_last_);
    check_maps({{&map, order.size()}, {&other, order.size()}});
    std::vector<float> merged(map.view().size());
    expect_ok(
        pp_merge_flipped(map.data(), other.data(), 1, map.channels(), map.height(), map.width(),
                         order.data(), udp_ ? 0 : 1, merged.data(), merged.size()),
        "merge_flipped");
    Tensors result;
    Tensor heatmap(map.view().shape, std::move(merged));
    result[heatmap_] = channels_last_ ? with_channels_last(heatmap.view()) : std::move(heatmap);
    return result;
}

/// Network-input pixels of a heatmap pixel. UDP counts lengths as side - 1, so that the middles of
/// the first and the last pixel of both coincide.
float TopDown::pixels(std::int64_t side) const {
    if (!udp_) {
        return stride_;
    }
    const auto length = static_cast<double>(side);
    return static_cast<float>((static_cast<double>(stride_) * length - 1) /
                              std::max(length - 1, 1.0));
}

/// The mean of all joints' scores, or of those that are visible.
float TopDown::person_score(const std::vector<float>& scores) const {
    std::vector<float> counted;
    std::copy_if(scores.begin(), scores.end(), std::back_inserter(counted),
                 [&](float score) { return !visible_ || score >= joint_threshold_; });
    return mean(counted);
}

}  // namespace surgery
