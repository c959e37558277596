#include "movenet.h"

#include <cmath>

#include "joints.h"
#include "maps.h"
#include "parameters.h"

namespace surgery {
namespace {

/// A number in float16's normal range, rounded to its 11 significant bits.
double half(double value) {
    int exponent = 0;
    const double fraction = std::frexp(value, &exponent);
    return std::ldexp(std::nearbyint(std::ldexp(fraction, 11)), exponent - 11);
}

}  // namespace

MoveNet::MoveNet(const Field& field)
    : center_(text_or(field.only({"center", "heatmap", "regression", "offset", "stride",
                                  "activation", "constants", "threshold", "layout", "backend"}),
                      "center", "center")),
      heatmap_(text_or(field, "heatmap", "heatmap")),
      regression_(text_or(field, "regression", "regression")),
      offset_(text_or(field, "offset", "offset")),
      stride_(above_zero(field, "stride", 4)),
      logits_(logits(field)),
      half_constants_(text_or(field, "constants", "float32", {"float32", "float16"}) == "float16"),
      threshold_(number_or(field, "threshold", 0)),
      channels_last_(channels_last(field)) {}

Instances MoveNet::operator()(const Feeds& heads, Decoding& decoding) const {
    const Map center(heads, center_, channels_last_);
    const Map heatmap(heads, heatmap_, channels_last_);
    const Map regression(heads, regression_, channels_last_);
    const Map offset(heads, offset_, channels_last_);
    const std::size_t joints = heatmap.channels();
    if (heatmap.view().size() == 0) {
        throw InputError("head '" + heatmap_ + "' holds no joint or no pixel");
    }
    check_maps({{&heatmap, 0}, {&center, 1}, {&regression, 2 * joints}, {&offset, 2 * joints}});
    std::vector<float> points(2 * joints);
    std::vector<float> scores(joints);
    pp_non_finite non_finite{};
    expect_ok(
        pp_movenet(center.data(), heatmap.data(), regression.data(), offset.data(), 1, joints,
                   heatmap.height(), heatmap.width(), logits_ ? 1 : 0, half_constants_ ? 1 : 0,
                   points.data(), scores.data(), joints, &non_finite),
        "movenet");
    warn_non_finite("center and heatmap", non_finite, decoding.warnings);
    std::vector<float> found =
        joined(points, scores, pixels(heatmap.width()), pixels(heatmap.height()));
    decoding.keep("keypoints", {{1, static_cast<std::int64_t>(joints), 3}, found.data()});
    return single_person(std::move(found), mean(scores), threshold_, decoding.warnings);
}

/// Network-input pixels of a heatmap pixel, by way of the graph's 1 / side.
float MoveNet::pixels(std::size_t side) const {
    const auto length = static_cast<double>(side);
    const double inverse = half_constants_ ? half(1 / length) : 1 / length;
    return static_cast<float>(inverse * length * static_cast<double>(stride_));
}

}  // namespace surgery
