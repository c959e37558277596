#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t batch = input.size(2), height = input.size(30), width = input.size(30);
    const std::size_t to_height = input.size(20), to_width = input.size(20);
    const int rule_of_size = static_cast<int>(input.upto(2));
    pp_normalization rule;
    rule.swap = input.flag();
    rule.scale = input.value<float>();
    for (float& mean : rule.mean) mean = input.value<float>();
    for (float& std : rule.std) std = input.value<float>();
    const auto images = input.values<std::uint8_t>(product({batch, height, width, 3}));
    std::vector<float> tensor(product({batch, 3, to_height, to_width}));
    pp_placement placement;
    pp_preprocess(images.data(), batch, height, width, to_height, to_width, rule_of_size, &rule,
                  tensor.data(), tensor.size(), &placement);
    return 0;
}
