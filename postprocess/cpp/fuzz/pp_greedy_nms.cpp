#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t count = input.size(20);
    const auto overlap = input.value<float>();
    const bool by_class = input.flag();
    const auto boxes = input.values(product({count, 4})), scores = input.values(product({count}));
    const auto labels = input.values<std::int32_t>(product({count}));
    std::vector<std::int64_t> kept(product({count}));
    std::size_t kept_count = 0;
    const pp_status status =
        pp_greedy_nms(boxes.data(), scores.data(), by_class ? labels.data() : nullptr, count,
                      overlap, kept.data(), kept.size(), &kept_count);
    if (status == PP_OK) promise(kept_count <= count && (kept_count > 0 || count == 0));
    return 0;
}
