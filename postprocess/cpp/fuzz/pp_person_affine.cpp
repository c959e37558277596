#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const auto box = input.values<double>(4);
    const auto height = input.value<std::size_t>(), width = input.value<std::size_t>();
    const auto growth = input.value<double>();
    pp_affine matrix;
    if (pp_person_affine(box.data(), height, width, growth, input.flag(), &matrix) != PP_OK) {
        return 0;
    }
    for (const double value : matrix.m) promise(value - value == 0.0);
    return 0;
}
