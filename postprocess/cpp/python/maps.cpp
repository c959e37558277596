// Decoders of maps for Python: peaks, CenterNet, keypoints, samples, Fast-NMS.
#include <nanobind/stl/optional.h>

#include <limits>
#include <optional>

#include "arrays.h"
#include "modules.h"

namespace {

nb::tuple peaks(Input<4> heatmap, std::size_t k, float threshold, bool logits, std::size_t kernel) {
    const std::size_t batch = heatmap.shape(0);
    k = std::min(k, heatmap.shape(1) * heatmap.shape(2) * heatmap.shape(3));
    const pp_peaks_options options = {k, threshold, logits, kernel};
    Output<float> scores(batch * k);
    Output<std::int64_t> classes(batch * k), xs(batch * k), ys(batch * k);
    Output<std::size_t> counts(batch);
    pp_non_finite seen;
    run([&] {
        return pp_peaks(heatmap.data(), batch, heatmap.shape(1), heatmap.shape(2), heatmap.shape(3),
                        &options, scores.data(), classes.data(), xs.data(), ys.data(),
                        scores.size(), counts.data(), &seen);
    });
    nb::list images;
    for (std::size_t image = 0; image < batch; ++image) {
        const std::size_t first = image * k, count = counts.data()[image];
        images.append(nb::make_tuple(
            copied(scores.data() + first, count), copied(classes.data() + first, count),
            copied(xs.data() + first, count), copied(ys.data() + first, count)));
    }
    return nb::make_tuple(images, counts_of(seen));
}

using OptionalInput = std::optional<Input<4>>;

/// The optional array's values, or NULL.
const float* values_of(const OptionalInput& input) { return input ? input->data() : nullptr; }

nb::tuple ctdet(Input<4> heatmap, Input<4> size, OptionalInput offset, bool ltrb, bool logits,
                float size_factor, float center_shift, std::size_t kernel, std::size_t k,
                float threshold, std::optional<float> iou) {
    const std::size_t batch = heatmap.shape(0);
    k = std::min(k, heatmap.shape(1) * heatmap.shape(2) * heatmap.shape(3));
    const float no_nms = std::numeric_limits<float>::quiet_NaN();
    const pp_ctdet_options options = {
        {k, threshold, logits, kernel}, ltrb, size_factor, center_shift, iou.value_or(no_nms)};
    Output<float> scores(batch * k), boxes(batch * k * 4);
    Output<std::int64_t> classes(batch * k);
    Output<std::size_t> counts(batch);
    pp_non_finite seen;
    run([&] {
        return pp_ctdet(heatmap.data(), size.data(), values_of(offset), batch, heatmap.shape(1),
                        heatmap.shape(2), heatmap.shape(3), &options, scores.data(), classes.data(),
                        boxes.data(), scores.size(), counts.data(), &seen);
    });
    nb::list images;
    for (std::size_t image = 0; image < batch; ++image) {
        const std::size_t first = image * k, count = counts.data()[image];
        images.append(nb::make_tuple(copied(scores.data() + first, count),
                                     copied(classes.data() + first, count),
                                     copied(boxes.data() + 4 * first, {count, 4})));
    }
    return nb::make_tuple(images, counts_of(seen));
}

nb::tuple multi_pose(Input<4> heatmap, Input<4> size, Input<4> keypoints, OptionalInput offset,
                     OptionalInput joint_heatmap, OptionalInput joint_offset, bool logits,
                     float center_shift, std::size_t kernel, std::size_t k, float threshold,
                     float joint_threshold, float reach) {
    const std::size_t batch = heatmap.shape(0), joints = keypoints.shape(1) / 2;
    k = std::min(k, heatmap.shape(1) * heatmap.shape(2) * heatmap.shape(3));
    const pp_multi_pose_options options = {
        {k, threshold, logits, kernel}, center_shift, joint_threshold, reach};
    Output<float> scores(batch * k), boxes(batch * k * 4), poses(batch * k * joints * 3);
    Output<std::int64_t> classes(batch * k);
    Output<std::size_t> counts(batch);
    pp_non_finite seen;
    run([&] {
        return pp_multi_pose(heatmap.data(), size.data(), keypoints.data(), values_of(offset),
                             values_of(joint_heatmap), values_of(joint_offset), batch,
                             heatmap.shape(1), joints, heatmap.shape(2), heatmap.shape(3), &options,
                             scores.data(), classes.data(), boxes.data(), poses.data(),
                             scores.size(), counts.data(), &seen);
    });
    nb::list images;
    for (std::size_t image = 0; image < batch; ++image) {
        const std::size_t first = image * k, count = counts.data()[image];
        images.append(nb::make_tuple(
            copied(scores.data() + first, count), copied(classes.data() + first, count),
            copied(boxes.data() + 4 * first, {count, 4}),
            copied(poses.data() + 3 * joints * first, {count, joints, 3})));
    }
    return nb::make_tuple(images, counts_of(seen));
}

nb::tuple simcc(Input<3> x, Input<3> y, float split_ratio) {
    const std::size_t batch = x.shape(0), joints = x.shape(1);
    Output<float> points(batch * joints * 2), scores(batch * joints);
    pp_non_finite seen;
    run([&] {
        return pp_simcc(x.data(), y.data(), scores.size(), x.shape(2), y.shape(2), split_ratio,
                        points.data(), scores.data(), scores.size(), &seen);
    });
    return nb::make_tuple(points.array({batch, joints, 2}), scores.array({batch, joints}),
                          counts_of(seen));
}

nb::ndarray<nb::numpy, float> merge_flipped(Input<4> heatmaps, Input<4> mirrored, Indices order,
                                            bool shift) {
    bool fits = order.shape(0) == heatmaps.shape(1);
    for (std::size_t axis = 0; axis < 4; ++axis) {
        fits = fits && heatmaps.shape(axis) == mirrored.shape(axis);
    }
    require(fits);
    Output<float> merged(heatmaps.size());
    run([&] {
        return pp_merge_flipped(heatmaps.data(), mirrored.data(), heatmaps.shape(0),
                                heatmaps.shape(1), heatmaps.shape(2), heatmaps.shape(3),
                                order.data(), shift, merged.data(), merged.size());
    });
    return merged.array(
        {heatmaps.shape(0), heatmaps.shape(1), heatmaps.shape(2), heatmaps.shape(3)});
}

nb::tuple movenet(Input<4> center, Input<4> heatmap, Input<4> regression, Input<4> offset,
                  bool logits, bool half_constants) {
    const std::size_t batch = heatmap.shape(0), joints = heatmap.shape(1);
    Output<float> points(batch * joints * 2), scores(batch * joints);
    pp_non_finite seen;
    run([&] {
        return pp_movenet(center.data(), heatmap.data(), regression.data(), offset.data(), batch,
                          joints, heatmap.shape(2), heatmap.shape(3), logits, half_constants,
                          points.data(), scores.data(), scores.size(), &seen);
    });
    return nb::make_tuple(points.array({batch, joints, 2}), scores.array({batch, joints}),
                          counts_of(seen));
}

nb::tuple keypoints(Input<4> heatmaps, int method, std::size_t kernel) {
    const std::size_t maps = heatmaps.shape(0) * heatmaps.shape(1);
    Output<float> points(maps * 2), scores(maps);
    pp_non_finite seen;
    run([&] {
        return pp_keypoints(heatmaps.data(), maps, heatmaps.shape(2), heatmaps.shape(3), method,
                            kernel, points.data(), scores.data(), maps, &seen);
    });
    return nb::make_tuple(points.array({maps, 2}), scores.array({maps}), counts_of(seen));
}

nb::ndarray<nb::numpy, float> sample(Input<3> feature, Input<2> points, bool align_corners) {
    const std::size_t count = points.shape(0), channels = feature.shape(0);
    Output<float> values(count * channels);
    run([&] {
        return pp_sample(feature.data(), channels, feature.shape(1), feature.shape(2),
                         points.data(), count, align_corners, values.data(), values.size());
    });
    return values.array({count, channels});
}

nb::ndarray<nb::numpy, std::int64_t> fast_nms(Input<2> boxes, Input<1> scores, Labels classes,
                                              float iou) {
    const std::size_t count = boxes.shape(0);
    Output<std::int64_t> kept(count);
    std::size_t kept_count = 0;
    run([&] {
        return pp_fast_nms(boxes.data(), scores.data(), classes.data(), count, iou, kept.data(),
                           count, &kept_count);
    });
    return copied(kept.data(), kept_count);
}

nb::ndarray<nb::numpy, std::int64_t> greedy_nms(Shaped<-1, 4> boxes, Input<1> scores,
                                                Labels classes, float overlap) {
    const std::size_t count = boxes.shape(0);
    require(scores.shape(0) == count && classes.shape(0) == count);
    Output<std::int64_t> kept(count);
    std::size_t kept_count = 0;
    run([&] {
        return pp_greedy_nms(boxes.data(), scores.data(), classes.data(), count, overlap,
                             kept.data(), count, &kept_count);
    });
    return copied(kept.data(), kept_count);
}

nb::ndarray<nb::numpy, float> roi_align(Input<3> feature, Shaped<-1, 4> boxes, std::size_t rows,
                                        std::size_t columns) {
    const std::size_t count = boxes.shape(0), channels = feature.shape(0);
    Output<float> regions(count * channels * rows * columns);
    run([&] {
        return pp_roi_align(feature.data(), channels, feature.shape(1), feature.shape(2),
                            boxes.data(), count, rows, columns, regions.data(), regions.size());
    });
    return regions.array({count, channels, rows, columns});
}

}  // namespace

void define_maps(nb::module_& module) {
    module.def("peaks", &peaks, nb::arg("heatmap"), nb::arg("k"), nb::arg("threshold"),
               nb::arg("logits"), nb::arg("kernel"));
    module.def("ctdet", &ctdet, nb::arg("heatmap"), nb::arg("size"), nb::arg("offset").none(),
               nb::arg("ltrb"), nb::arg("logits"), nb::arg("size_factor"), nb::arg("center_shift"),
               nb::arg("kernel"), nb::arg("k"), nb::arg("threshold"), nb::arg("iou").none());
    module.def("multi_pose", &multi_pose, nb::arg("heatmap"), nb::arg("size"), nb::arg("keypoints"),
               nb::arg("offset").none(), nb::arg("joint_heatmap").none(),
               nb::arg("joint_offset").none(), nb::arg("logits"), nb::arg("center_shift"),
               nb::arg("kernel"), nb::arg("k"), nb::arg("threshold"), nb::arg("joint_threshold"),
               nb::arg("reach"));
    module.def("simcc", &simcc, nb::arg("x"), nb::arg("y"), nb::arg("split_ratio"));
    module.def("merge_flipped", &merge_flipped, nb::arg("heatmaps"), nb::arg("mirrored"),
               nb::arg("order"), nb::arg("shift"));
    module.def("movenet", &movenet, nb::arg("center"), nb::arg("heatmap"), nb::arg("regression"),
               nb::arg("offset"), nb::arg("logits"), nb::arg("half_constants"));
    module.def("keypoints", &keypoints, nb::arg("heatmaps"), nb::arg("method"), nb::arg("kernel"));
    module.def("sample", &sample, nb::arg("feature"), nb::arg("points"), nb::arg("align_corners"));
    module.def("fast_nms", &fast_nms, nb::arg("boxes"), nb::arg("scores"), nb::arg("classes"),
               nb::arg("iou"));
    module.def("greedy_nms", &greedy_nms, nb::arg("boxes"), nb::arg("scores"), nb::arg("classes"),
               nb::arg("overlap"));
    module.def("roi_align", &roi_align, nb::arg("feature"), nb::arg("boxes"), nb::arg("rows"),
               nb::arg("columns"));
}
