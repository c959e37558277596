#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t count = input.size(20);
    const auto extreme = input.values(product({count, 8}));
    std::vector<float> octagons(product({count, 24}));
    pp_octagons(extreme.data(), count, octagons.data(), octagons.size());
    return 0;
}
