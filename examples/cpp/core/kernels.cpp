#include "kernels.h"

#include <algorithm>
#include <array>

#include "error.h"

namespace surgery {
namespace {

std::size_t side(const TensorView& array, std::size_t axis) {
    return static_cast<std::size_t>(array.side(axis));
}

}  // namespace

void expect_ok(pp_status status, const char* what) {
    if (status != PP_OK) {
        throw InputError(std::string(what) + ": " + pp_status_message(status));
    }
}

void warn_non_finite(const char* name, const pp_non_finite& count,
                     std::vector<std::string>& warnings) {
    const std::size_t all = count.nan + count.positive_infinity + count.negative_infinity;
    if (all != 0) {
        warnings.push_back(std::string(name) + " holds " + std::to_string(all) +
                           " values that are not finite (" + std::to_string(count.nan) + " NaN, " +
                           std::to_string(count.positive_infinity) + " +inf, " +
                           std::to_string(count.negative_infinity) +
                           " -inf): NaN is passed over, look for an overflow in the network "
                           "(float16?)");
    }
}

std::vector<Peak> peaks(const TensorView& heatmap, const PeakRule& rule,
                        std::vector<std::string>& warnings) {
    pp_peaks_options options = pp_peaks_options_default();
    options.k = static_cast<std::size_t>(rule.k);
    options.threshold = static_cast<float>(rule.threshold);
    options.kernel = static_cast<std::size_t>(rule.kernel);
    std::vector<float> scores(options.k);
    std::vector<std::int64_t> classes(options.k);
    std::vector<std::int64_t> xs(options.k);
    std::vector<std::int64_t> ys(options.k);
    std::size_t count = 0;
    pp_non_finite non_finite{};
    expect_ok(pp_peaks(heatmap.data, 1, side(heatmap, 1), side(heatmap, 2), side(heatmap, 3),
                       &options, scores.data(), classes.data(), xs.data(), ys.data(), options.k,
                       &count, &non_finite),
              "peaks");
    warn_non_finite("heatmap", non_finite, warnings);
    std::vector<Peak> found(count);
    for (std::size_t i = 0; i < count; ++i) {
        found[i] = {scores[i], classes[i], xs[i], ys[i]};
    }
    return found;
}

Tensor sample(const TensorView& feature, const Contours& points, bool align_corners) {
    const std::size_t channels = side(feature, 1);
    const std::size_t count = points.count * points.points;
    std::vector<float> values(count * channels);
    expect_ok(
        pp_sample(feature.data, channels, side(feature, 2), side(feature, 3), points.xy.data(),
                  count, align_corners ? 1 : 0, values.data(), values.size()),
        "sample");
    return {{static_cast<std::int64_t>(points.count), static_cast<std::int64_t>(points.points),
             static_cast<std::int64_t>(channels)},
            std::move(values)};
}

Contours resample(const Contours& polygons, std::size_t count) {
    Contours spread(polygons.count, count);
    expect_ok(pp_resample(polygons.xy.data(), polygons.count, polygons.points, count,
                          spread.xy.data(), spread.xy.size()),
              "resample");
    return spread;
}

std::vector<std::size_t> fast_nms(const Instances& found, double iou) {
    std::vector<float> boxes;
    std::vector<float> scores;
    std::vector<std::int32_t> classes;
    for (const Instance& instance : found) {
        boxes.insert(boxes.end(), instance.box.begin(), instance.box.end());
        scores.push_back(instance.score);
        classes.push_back(static_cast<std::int32_t>(instance.class_index));
    }
    std::vector<std::int64_t> kept(found.size());
    std::size_t count = 0;
    expect_ok(pp_fast_nms(boxes.data(), scores.data(), classes.data(), found.size(),
                          static_cast<float>(iou), kept.data(), kept.size(), &count),
              "fast_nms");
    return {kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(count)};
}

Keypoints keypoints(const TensorView& heatmaps, const std::string& method, std::int64_t kernel,
                    std::vector<std::string>& warnings) {
    constexpr std::array<const char*, 4> kMethods = {"argmax", "quarter", "dark", "dark_udp"};
    const auto known = std::find(kMethods.begin(), kMethods.end(), method);
    const std::size_t maps = side(heatmaps, 0) * side(heatmaps, 1);
    Keypoints found{std::vector<float>(2 * maps), std::vector<float>(maps)};
    pp_non_finite non_finite{};
    expect_ok(
        pp_keypoints(heatmaps.data, maps, side(heatmaps, 2), side(heatmaps, 3),
                     static_cast<int>(known - kMethods.begin()), static_cast<std::size_t>(kernel),
                     found.points.data(), found.scores.data(), maps, &non_finite),
        "keypoints");
    warn_non_finite("heatmaps", non_finite, warnings);
    return found;
}

}  // namespace surgery
