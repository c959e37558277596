#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t batch = input.size(2), height = input.size(9), width = input.size(9);
    pp_normalization rule;
    rule.swap = input.flag();
    rule.scale = input.value<float>();
    for (float& mean : rule.mean) mean = input.value<float>();
    for (float& std : rule.std) std = input.value<float>();
    const auto images = input.values<std::uint8_t>(product({batch, height, width, 3}));
    std::vector<float> tensor(images.size());
    pp_normalize(images.data(), batch, height, width, &rule, tensor.data(), tensor.size());
    return 0;
}
