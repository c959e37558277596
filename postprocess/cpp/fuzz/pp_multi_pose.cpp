#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t batch = input.upto(2), classes = input.size(2), joints = input.size(3);
    const std::size_t height = input.size(7), width = input.size(9);
    pp_multi_pose_options options = pp_multi_pose_options_default();
    options.peaks.k = input.upto(8);
    options.peaks.logits = input.flag();
    options.joint_threshold = input.value<float>();
    options.reach = input.value<float>();
    const bool with_joints = input.flag(), with_offset = input.flag();
    const auto heatmap = input.values(product({batch, classes, height, width}));
    const auto size = input.values(product({batch, 2, height, width}));
    const auto ways = input.values(product({batch, joints, 2, height, width}));
    const auto joint_heatmap = input.values(product({batch, joints, height, width}));
    const auto offset = input.values(product({batch, 2, height, width}));
    const std::size_t capacity = product({batch, options.peaks.k});
    std::vector<float> scores(capacity), boxes(4 * capacity), poses(product({capacity, joints, 3}));
    std::vector<std::int64_t> labels(capacity);
    std::vector<std::size_t> counts(batch);
    const float* moves = with_offset ? offset.data() : nullptr;
    const pp_status status =
        pp_multi_pose(heatmap.data(), size.data(), ways.data(), moves,
                      with_joints ? joint_heatmap.data() : nullptr, moves, batch, classes, joints,
                      height, width, &options, scores.data(), labels.data(), boxes.data(),
                      poses.data(), capacity, counts.data(), nullptr);
    if (status != PP_OK) return 0;
    for (const std::size_t count : counts) promise(count <= options.peaks.k);
    return 0;
}
