#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t batch = input.upto(2), joints = input.size(4);
    const std::size_t height = input.size(5), width = input.size(9);
    const bool shift = input.flag();
    std::vector<std::int64_t> order(joints > 255 ? 0 : joints);
    for (std::int64_t& one : order) one = static_cast<std::int64_t>(input.value<std::int8_t>()) % 6;
    const std::size_t size = product({batch, joints, height, width});
    const auto heatmaps = input.values(size), mirrored = input.values(size);
    std::vector<float> merged(size);
    if (joints > 255 && order.empty()) order.resize(1, -1);  // refused at its first index
    pp_merge_flipped(heatmaps.data(), mirrored.data(), batch, joints, height, width, order.data(),
                     shift, merged.data(), merged.size());
    return 0;
}
