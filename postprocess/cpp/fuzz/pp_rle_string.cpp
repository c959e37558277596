#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const auto runs = input.values<std::uint32_t>(input.upto(30));
    std::vector<char> text(7 * runs.size());
    std::size_t size = 0;
    promise(pp_rle_string(runs.data(), runs.size(), text.data(), text.size(), &size) == PP_OK);
    for (std::size_t i = 0; i < size; ++i) promise(text[i] >= 48 && text[i] < 112);
    return 0;
}
