#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t batch = input.upto(2), classes = input.size(3);
    const std::size_t height = input.size(7), width = input.size(12);
    pp_ctdet_options options = pp_ctdet_options_default();
    options.peaks.k = input.upto(12);
    options.peaks.threshold = input.value<float>();
    options.peaks.logits = input.flag();
    options.ltrb = input.flag();
    options.size_factor = input.value<float>();
    options.center_shift = input.value<float>();
    options.iou = input.value<float>();
    const auto heatmap = input.values(product({batch, classes, height, width}));
    const auto size = input.values(product({batch, options.ltrb ? 4u : 2u, height, width}));
    const auto offset = input.values(product({batch, 2, height, width}));
    const std::size_t capacity = product({batch, options.peaks.k});
    std::vector<float> scores(capacity), boxes(4 * capacity);
    std::vector<std::int64_t> labels(capacity);
    std::vector<std::size_t> counts(batch);
    const pp_status status =
        pp_ctdet(heatmap.data(), size.data(), input.flag() ? offset.data() : nullptr, batch,
                 classes, height, width, &options, scores.data(), labels.data(), boxes.data(),
                 capacity, counts.data(), nullptr);
    if (status != PP_OK) return 0;
    for (const std::size_t count : counts) promise(count <= options.peaks.k);
    return 0;
}
