#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t count = input.size(4), points = input.size(20);
    const auto least = input.value<int>();
    const std::size_t size = product({count, points, 2});
    const auto previous = input.values(size), last = input.values(size);
    std::vector<float> chosen(size);
    pp_undo_jagged(previous.data(), last.data(), count, points, least, chosen.data(),
                   chosen.size());
    return 0;
}
