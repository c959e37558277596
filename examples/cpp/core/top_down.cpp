#include "top_down.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels.h"
#include "parameters.h"
#include "text.h"

namespace surgery {
namespace {

Tensor probabilities(const TensorView& logits) {
    std::vector<float> values(logits.data, logits.data + logits.size());
    std::transform(values.begin(), values.end(), values.begin(), [](float value) {
        return static_cast<float>(1 / (1 + std::exp(-static_cast<double>(value))));
    });
    return {logits.shape, std::move(values)};
}

/// Box around joints (x, y, score).
std::array<float, 4> around(const std::vector<float>& joints) {
    std::array<float, 4> box = {joints[0], joints[1], joints[0], joints[1]};
    for (std::size_t i = 3; i < joints.size(); i += 3) {
        box = {std::min(box[0], joints[i]), std::min(box[1], joints[i + 1]),
               std::max(box[2], joints[i]), std::max(box[3], joints[i + 1])};
    }
    return box;
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
      threshold_(number_or(field, "threshold", 0)) {
    text_or(field, "layout", "nchw", {"nchw"});
}

Instances TopDown::operator()(const Feeds& heads, Decoding& decoding) const {
    TensorView maps = head(heads, heatmap_);
    if (maps.shape.size() != 4 || maps.side(0) != 1 || maps.size() == 0) {
        throw InputError("the decoder expects " + heatmap_ + " (1,K,h,w), got " +
                         shown(maps.shape));
    }
    Tensor activated;
    if (sigmoid_) {
        activated = probabilities(maps);
        maps = activated.view();
    }
    const Keypoints found = keypoints(maps, method_, kernel_, decoding.warnings);
    std::vector<float> joints;
    for (std::size_t i = 0; i < found.scores.size(); ++i) {
        joints.insert(joints.end(),
                      {found.points[2 * i] * pixels(maps.side(3)),
                       found.points[2 * i + 1] * pixels(maps.side(2)), found.scores[i]});
    }
    decoding.keep("keypoints", {{1, maps.side(1), 3}, joints.data()});
    const float score = person_score(found.scores);
    const bool finite =
        std::all_of(joints.begin(), joints.end(), [](float value) { return std::isfinite(value); });
    if (!finite) {
        decoding.warnings.emplace_back("a joint is NaN or infinite: the person is dropped");
    }
    if (!finite || score < threshold_) {
        return {};
    }
    return {{score, 0, around(joints), {}, joints}};
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
    const float sum = std::accumulate(counted.begin(), counted.end(), 0.0F);
    return counted.empty() ? 0 : sum / static_cast<float>(counted.size());
}

}  // namespace surgery
