#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const std::size_t batch = input.upto(3), classes = input.size(3);
    const std::size_t height = input.size(9), width = input.size(20);
    pp_peaks_options options = pp_peaks_options_default();
    options.k = input.upto(12);
    options.threshold = input.value<float>();
    options.logits = input.flag();
    options.kernel = input.upto(9);
    const auto heatmap = input.values(product({batch, classes, height, width}));
    const std::size_t capacity = product({batch, options.k});
    std::vector<float> scores(capacity);
    std::vector<std::int64_t> labels(capacity), xs(capacity), ys(capacity);
    std::vector<std::size_t> counts(batch);
    pp_non_finite seen;
    const pp_status status =
        pp_peaks(heatmap.data(), batch, classes, height, width, &options, scores.data(),
                 labels.data(), xs.data(), ys.data(), capacity, counts.data(), &seen);
    if (status != PP_OK) return 0;
    for (std::size_t image = 0; image < batch; ++image) {
        promise(counts[image] <= options.k);
        for (std::size_t i = image * options.k; i < image * options.k + counts[image]; ++i) {
            promise(scores[i] >= options.threshold);
            promise(xs[i] >= 0 && static_cast<std::size_t>(xs[i]) < width);
            promise(ys[i] >= 0 && static_cast<std::size_t>(ys[i]) < height);
            promise(i == image * options.k || scores[i] <= scores[i - 1]);
        }
    }
    return 0;
}
