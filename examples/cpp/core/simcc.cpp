#include "simcc.h"

#include "joints.h"
#include "kernels.h"
#include "parameters.h"
#include "text.h"

namespace surgery {

SimCC::SimCC(const Field& field)
    : x_(text_or(field.only({"x", "y", "split_ratio", "threshold", "backend"}), "x", "simcc_x")),
      y_(text_or(field, "y", "simcc_y")),
      split_ratio_(above_zero(field, "split_ratio", 2)),
      threshold_(number_or(field, "threshold", 0)) {}

Instances SimCC::operator()(const Feeds& heads, Decoding& decoding) const {
    const TensorView& x = head(heads, x_);
    const TensorView& y = head(heads, y_);
    const bool rows = x.shape.size() == 3 && y.shape.size() == 3;
    if (!rows || x.side(0) != 1 || x.side(1) != y.side(1) || x.size() == 0 || y.size() == 0) {
        throw InputError("the decoder expects " + x_ + " (1,K,X) and " + y_ + " (1,K,Y), got " +
                         shown(x.shape) + " and " + shown(y.shape));
    }
    const auto side = [](const TensorView& array, std::size_t axis) {
        return static_cast<std::size_t>(array.side(axis));
    };
    const std::size_t joints = side(x, 1);
    std::vector<float> points(2 * joints);
    std::vector<float> scores(joints);
    pp_non_finite non_finite{};
    expect_ok(pp_simcc(x.data, y.data, joints, side(x, 2), side(y, 2), split_ratio_, points.data(),
                       scores.data(), joints, &non_finite),
              "simcc");
    warn_non_finite("x and y", non_finite, decoding.warnings);
    std::vector<float> found = joined(points, scores, 1, 1);
    decoding.keep("keypoints", {{1, x.side(1), 3}, found.data()});
    return single_person(std::move(found), mean(scores), threshold_, decoding.warnings);
}

}  // namespace surgery
