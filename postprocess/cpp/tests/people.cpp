// Boxes and keypoints on maps small enough to say what has to come out.
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "check.h"
#include "postprocess/decode.h"

namespace {

constexpr std::size_t kHeight = 5, kWidth = 7, kPlane = kHeight * kWidth;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> maps(std::size_t channels, float value) {
    return std::vector<float>(channels * kPlane, value);
}

void set(std::vector<float>* maps, std::size_t channel, std::size_t x, std::size_t y, float value) {
    (*maps)[channel * kPlane + y * kWidth + x] = value;
}

pp_peaks_options probabilities(std::size_t k, float threshold) {
    pp_peaks_options options = pp_peaks_options_default();
    options.k = k;
    options.threshold = threshold;
    options.logits = 0;
    return options;
}

void boxes_stand_around_their_centres_in_each_image() {
    std::vector<float> heatmap = maps(2, 0.0f), size = maps(4, 2.0f), offset = maps(4, 0.25f);
    set(&heatmap, 0, 2, 1, 0.9f);  // image 0
    set(&heatmap, 1, 5, 3, 0.8f);  // image 1
    set(&size, 0, 2, 1, 4.0f);
    pp_ctdet_options options = pp_ctdet_options_default();
    options.peaks = probabilities(3, 0.5f);
    float scores[6], boxes[24];
    std::int64_t classes[6];
    std::size_t counts[2];
    CHECK(pp_ctdet(heatmap.data(), size.data(), offset.data(), 2, 1, kHeight, kWidth, &options,
                   scores, classes, boxes, 6, counts, nullptr) == PP_OK);
    CHECK(counts[0] == 1 && counts[1] == 1);
    CHECK(scores[0] == 0.9f && scores[3] == 0.8f);
    CHECK(boxes[0] == 0.25f && boxes[1] == 0.25f && boxes[2] == 4.25f && boxes[3] == 2.25f);
    CHECK(boxes[12] == 4.25f && boxes[13] == 2.25f && boxes[14] == 6.25f && boxes[15] == 4.25f);
}

void distances_and_factors_and_nms() {
    std::vector<float> heatmap = maps(1, 0.0f), size = maps(4, 0.0f);
    set(&heatmap, 0, 3, 2, 0.9f);
    set(&heatmap, 0, 5, 2, 0.8f);
    for (std::size_t side = 0; side < 4; ++side) {
        set(&size, side, 3, 2, static_cast<float>(side + 1));
        set(&size, side, 5, 2, 3.0f);
    }
    pp_ctdet_options options = pp_ctdet_options_default();
    options.peaks = probabilities(2, 0.5f);
    options.ltrb = 1;
    options.size_factor = 2.0f;
    options.center_shift = 0.5f;
    float scores[2], boxes[8];
    std::int64_t classes[2];
    std::size_t count;
    const auto run = [&] {
        return pp_ctdet(heatmap.data(), size.data(), nullptr, 1, 1, kHeight, kWidth, &options,
                        scores, classes, boxes, 2, &count, nullptr);
    };
    CHECK(run() == PP_OK && count == 2);
    CHECK(boxes[0] == 1.5f && boxes[1] == -1.5f && boxes[2] == 9.5f && boxes[3] == 10.5f);
    options.iou = 0.3f;
    CHECK(run() == PP_OK && count == 1 && scores[0] == 0.9f);
}

void joints_snap_to_peaks_that_are_near_and_in_the_box() {
    std::vector<float> heatmap = maps(1, 0.0f), size = maps(2, 4.0f), ways = maps(4, 0.0f);
    std::vector<float> joints = maps(2, 0.0f);
    set(&heatmap, 0, 3, 2, 0.9f);
    set(&joints, 0, 2, 2, 0.6f);  // one pixel away
    set(&joints, 1, 3, 4, 0.7f);  // two pixels away, farther than 0.3 * 4
    pp_multi_pose_options options = pp_multi_pose_options_default();
    options.peaks = probabilities(1, 0.5f);
    options.center_shift = 0.5f;
    float score, box[4], poses[6];
    std::int64_t label;
    std::size_t count;
    CHECK(pp_multi_pose(heatmap.data(), size.data(), ways.data(), nullptr, joints.data(), nullptr,
                        1, 1, 2, kHeight, kWidth, &options, &score, &label, box, poses, 1, &count,
                        nullptr) == PP_OK);
    CHECK(count == 1 && box[0] == 1.5f && box[3] == 4.5f);
    CHECK(poses[0] == 2.5f && poses[1] == 2.5f && poses[2] == 0.6f);
    CHECK(poses[3] == 3.0f && poses[4] == 2.0f && poses[5] == 0.0f);
}

void the_joint_near_its_regression_is_taken() {
    std::vector<float> center = maps(1, 0.0f), heatmap = maps(1, 0.0f), way = maps(2, 0.0f);
    std::vector<float> offset = maps(2, 0.0f);
    set(&center, 0, 3, 2, 0.5f);
    set(&heatmap, 0, 3, 1, 0.5f);
    set(&heatmap, 0, 6, 4, 0.8f);   // likelier, but far away
    set(&way, 0, 3, 2, -1.0f);      // y
    set(&offset, 1, 3, 1, 0.125f);  // x
    set(&heatmap, 0, 0, 0, kNan);
    float points[2], score;
    pp_non_finite seen;
    CHECK(pp_movenet(center.data(), heatmap.data(), way.data(), offset.data(), 1, 1, kHeight,
                     kWidth, 0, 0, points, &score, 1, &seen) == PP_OK);
    CHECK(points[0] == 3.125f && points[1] == 1.0f && score == 0.5f && seen.nan == 1);
}

void each_axis_gives_its_first_maximum() {
    const float x[] = {0.0f, 0.5f, 0.5f, 0.1f}, y[] = {0.2f, kNan, 0.9f};
    float point[2], score;
    CHECK(pp_simcc(x, y, 1, 4, 3, 2.0f, point, &score, 1, nullptr) == PP_OK);
    CHECK(point[0] == 0.5f && point[1] == 1.0f && score == 0.5f);
    CHECK(pp_simcc(x, y, 1, 4, 3, 0.0f, point, &score, 1, nullptr) == PP_ERROR_PARAMETER);
    CHECK(pp_simcc(x, y, 1, 0, 3, 1.0f, point, &score, 1, nullptr) == PP_ERROR_SHAPE);
}

void mirrored_maps_come_back_with_their_sides_exchanged() {
    const float maps[] = {1, 2, 3, 4, 5, 6}, mirrored[] = {6, 8, 10, 12, 14, 16};
    const std::int64_t order[] = {1, 0}, wrong[] = {0, 2};
    float merged[6];
    CHECK(pp_merge_flipped(maps, mirrored, 1, 2, 1, 3, order, 0, merged, 6) == PP_OK);
    CHECK(merged[0] == 8.5f && merged[2] == 7.5f && merged[3] == 7.0f);
    CHECK(pp_merge_flipped(maps, mirrored, 1, 2, 1, 3, order, 1, merged, 6) == PP_OK);
    CHECK(merged[0] == 8.5f && merged[1] == 9.0f && merged[2] == 8.5f);
    CHECK(pp_merge_flipped(maps, mirrored, 1, 2, 1, 3, wrong, 1, merged, 6) == PP_ERROR_PARAMETER);
    CHECK(pp_merge_flipped(maps, mirrored, 1, 2, 1, 3, order, 1, merged, 5) == PP_ERROR_CAPACITY);
}

}  // namespace

int main() {
    boxes_stand_around_their_centres_in_each_image();
    distances_and_factors_and_nms();
    joints_snap_to_peaks_that_are_near_and_in_the_box();
    the_joint_near_its_regression_is_taken();
    each_axis_gives_its_first_maximum();
    mirrored_maps_come_back_with_their_sides_exchanged();
    return check_failures() != 0;
}
