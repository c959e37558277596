#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const auto height = input.value<std::size_t>(), width = input.value<std::size_t>();
    const auto to_height = input.value<std::size_t>(), to_width = input.value<std::size_t>();
    pp_placement placement;
    if (pp_place(height, width, to_height, to_width, static_cast<int>(input.upto(2)), &placement) !=
        PP_OK) {
        return 0;
    }
    promise(placement.height >= 1 && placement.top + placement.height <= to_height);
    promise(placement.width >= 1 && placement.left + placement.width <= to_width);
    return 0;
}
