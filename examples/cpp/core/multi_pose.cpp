#include "multi_pose.h"

#include "ctdet.h"
#include "maps.h"
#include "parameters.h"

namespace surgery {
namespace {

pp_multi_pose_options options_of(const Field& field, bool has_offset) {
    pp_multi_pose_options options = pp_multi_pose_options_default();
    options.peaks = peaks_options(field);
    options.center_shift = center_shift(field, has_offset);
    options.joint_threshold = number_or(field, "joint_threshold", options.joint_threshold);
    options.reach = number_or(field, "reach", options.reach);
    return options;
}

std::optional<Map> map_if(const Feeds& heads, const std::optional<std::string>& name,
                          bool channels_last) {
    std::optional<Map> map;
    if (name) {
        map.emplace(heads, *name, channels_last);
    }
    return map;
}

const Map* pointer(const std::optional<Map>& map) { return map ? &*map : nullptr; }

const float* data(const std::optional<Map>& map) { return map ? map->data() : nullptr; }

}  // namespace

MultiPose::MultiPose(const Field& field)
    : heatmap_(
          text_or(field.only({"heatmap", "size", "keypoints", "offset", "joint_heatmap",
                              "joint_offset", "activation", "stride", "center_shift", "kernel", "k",
                              "threshold", "joint_threshold", "reach", "layout", "backend"}),
                  "heatmap", "hm")),
      size_(text_or(field, "size", "wh")),
      keypoints_(text_or(field, "keypoints", "hps")),
      offset_(text_if(field, "offset")),
      joint_heatmap_(text_if(field, "joint_heatmap")),
      joint_offset_(text_if(field, "joint_offset")),
      channels_last_(channels_last(field)),
      stride_(above_zero(field, "stride", 4)),
      options_(options_of(field, offset_.has_value())) {
    if (joint_offset_ && !joint_heatmap_) {
        throw field["joint_offset"].error("a joint_heatmap beside it");
    }
}

Instances MultiPose::operator()(const Feeds& heads, Decoding& decoding) const {
    const Map heatmap(heads, heatmap_, channels_last_);
    const Map size(heads, size_, channels_last_);
    const Map keypoints(heads, keypoints_, channels_last_);
    const std::optional<Map> offset = map_if(heads, offset_, channels_last_);
    const std::optional<Map> joint_heatmap = map_if(heads, joint_heatmap_, channels_last_);
    const std::optional<Map> joint_offset = map_if(heads, joint_offset_, channels_last_);
    const std::size_t joints = keypoints.channels() / 2;
    check_maps({{&heatmap, 0},
                {&size, 2},
                {&keypoints, 2 * joints},
                {pointer(offset), 2},
                {pointer(joint_heatmap), joints},
                {pointer(joint_offset), 2}});
    const std::size_t most = options_.peaks.k;
    std::vector<float> scores(most);
    std::vector<std::int64_t> classes(most);
    std::vector<float> boxes(4 * most);
    std::vector<float> poses(3 * joints * most);
    std::size_t count = 0;
    pp_non_finite non_finite{};
    expect_ok(pp_multi_pose(heatmap.data(), size.data(), keypoints.data(), data(offset),
                            data(joint_heatmap), data(joint_offset), 1, heatmap.channels(), joints,
                            heatmap.height(), heatmap.width(), &options_, scores.data(),
                            classes.data(), boxes.data(), poses.data(), most, &count, &non_finite),
              "multi_pose");
    warn_non_finite("heatmap", non_finite, decoding.warnings);
    Instances found(count);
    std::vector<float> all;
    for (std::size_t i = 0; i < count; ++i) {
        Instance& person = found[i];
        person.score = scores[i];
        person.class_index = classes[i];
        for (std::size_t side = 0; side < 4; ++side) {
            person.box[side] = boxes[4 * i + side] * stride_;
        }
        for (std::size_t value = 0; value < 3 * joints; ++value) {
            const float scale = value % 3 == 2 ? 1 : stride_;
            person.keypoints.push_back(poses[3 * joints * i + value] * scale);
        }
        all.insert(all.end(), person.keypoints.begin(), person.keypoints.end());
    }
    keep_detection(found, decoding);
    decoding.keep(
        "keypoints",
        {{static_cast<std::int64_t>(count), static_cast<std::int64_t>(joints), 3}, all.data()});
    return finite(std::move(found), "people", decoding.warnings);
}

}  // namespace surgery
