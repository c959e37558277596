#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t count = input.size(3), points = input.size(12);
    const std::size_t height = input.size(20), width = input.size(20);
    const auto contours = input.values(product({count, points, 2}));
    std::vector<std::uint32_t> runs(input.upto(40));
    std::vector<std::size_t> lengths(count > 255 ? 0 : count);
    std::size_t total = 0;
    const auto encode = [&] {
        return pp_run_lengths(contours.data(), count, points, height, width, runs.data(),
                              runs.size(), lengths.data(), &total);
    };
    if (encode() == PP_ERROR_CAPACITY) {
        runs.resize(total);
        promise(encode() == PP_OK);
        std::size_t pixels = 0;
        for (const std::uint32_t run : runs) pixels += run;
        promise(pixels == count * height * width);
    }
    return 0;
}
