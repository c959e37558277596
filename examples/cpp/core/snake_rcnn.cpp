#include "snake_rcnn.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels.h"
#include "parameters.h"
#include "text.h"

namespace surgery {
namespace {

/// The regions of boxes on a (1, F, h, w) feature: (boxes, F, rows, columns).
Tensor roi_align(const TensorView& feature, const std::vector<float>& boxes, std::size_t rows,
                 std::size_t columns) {
    const auto side = [&](std::size_t axis) {
        return static_cast<std::size_t>(feature.side(axis));
    };
    const std::size_t count = boxes.size() / 4;
    std::vector<float> regions(count * side(1) * rows * columns);
    expect_ok(pp_roi_align(feature.data, side(1), side(2), side(3), boxes.data(), count, rows,
                           columns, regions.data(), regions.size()),
              "roi_align");
    return {{static_cast<std::int64_t>(count), feature.side(1), static_cast<std::int64_t>(rows),
             static_cast<std::int64_t>(columns)},
            std::move(regions)};
}

std::vector<std::size_t> greedy_nms(const std::vector<float>& boxes,
                                    const std::vector<float>& scores,
                                    const std::vector<std::int32_t>& classes, float overlap) {
    std::vector<std::int64_t> kept(scores.size());
    std::size_t count = 0;
    expect_ok(pp_greedy_nms(boxes.data(), scores.data(), classes.empty() ? nullptr : classes.data(),
                            scores.size(), overlap, kept.data(), kept.size(), &count),
              "greedy_nms");
    return {kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(count)};
}

/// (n, 2, 2) corners from rows x1, y1, x2, y2.
Contours as_corners(std::vector<float> boxes) {
    Contours corners(boxes.size() / 4, 2);
    corners.xy = std::move(boxes);
    return corners;
}

}  // namespace

SnakeRcnn::SnakeRcnn(const Field& field)
    : BoxContours(field,
                  {"region", "instance_overlap", "component_overlap", "component_score",
                   "components", "whole_classes"},
                  "act_hm", "awh", 0.03),
      instance_overlap_(number_or(field, "instance_overlap", 0.7F)),
      component_overlap_(number_or(field, "component_overlap", 0.1F)),
      component_score_(number_or(field, "component_score", 0.25F)),
      components_(static_cast<std::size_t>(integer_or(field, "components", 50, 1))) {
    if (field.has("region")) {
        const std::vector<Field> sides = field["region"].elements(2);
        rows_ = static_cast<std::size_t>(sides[0].integer(1));
        columns_ = static_cast<std::size_t>(sides[1].integer(1));
    }
    if (field.has("whole_classes")) {
        whole_classes_.clear();
        for (const Field& each : field["whole_classes"].elements()) {
            whole_classes_.push_back(each.integer());
        }
    }
}

Instances SnakeRcnn::operator()(const Feeds& heads, Decoding& decoding) const {
    const ContourMaps maps(heads, names(), 2);
    const std::vector<Peak> centres =
        distinct(maps, peaks(maps.heatmap, rule(), decoding.warnings));
    const Contours boxes = boxes_at(maps, centres);
    keep_boxes(boxes, centres, decoding);
    const Components found = components(maps, boxes, centres, decoding);
    const std::vector<float> owners(found.owners.begin(), found.owners.end());
    const auto count = static_cast<std::int64_t>(owners.size());
    decoding.keep("cp_box", {{count, 4}, found.boxes.xy.data()});
    decoding.keep("cp_ind", {{count}, owners.data()});
    std::vector<Peak> each;
    for (const std::size_t owner : found.owners) {
        each.push_back(centres[owner]);
    }
    return as_instances(contours(maps, found.boxes, decoding), each, decoding);
}

/// The peaks whose boxes stay after NMS within each class, in their order.
std::vector<Peak> SnakeRcnn::distinct(const ContourMaps& maps,
                                      const std::vector<Peak>& centres) const {
    std::vector<float> scores;
    std::vector<std::int32_t> classes;
    for (const Peak& peak : centres) {
        scores.push_back(peak.score);
        classes.push_back(static_cast<std::int32_t>(peak.class_index));
    }
    std::vector<std::size_t> kept =
        greedy_nms(boxes_at(maps, centres).xy, scores, classes, instance_overlap_);
    std::sort(kept.begin(), kept.end());
    std::vector<Peak> chosen;
    for (const std::size_t i : kept) {
        chosen.push_back(centres[i]);
    }
    return chosen;
}

/// Instances of whole classes, and all without a network, are one component.
SnakeRcnn::Components SnakeRcnn::components(const ContourMaps& maps, const Contours& boxes,
                                            const std::vector<Peak>& centres,
                                            Decoding& decoding) const {
    std::vector<float> cut;
    for (std::size_t i = 0; i < centres.size(); ++i) {
        if (decoding.refine != nullptr && !whole(centres[i])) {
            cut.insert(cut.end(), boxes.at(i), boxes.at(i) + 4);
        }
    }
    Tensor logits_and_sizes;
    if (!cut.empty()) {
        const Tensor regions = roi_align(maps.feature, cut, rows_, columns_);
        logits_and_sizes =
            decoding.refined({{"component_features", regions.view()}}, "component_maps");
        const Shape expected = {regions.shape()[0], 3, regions.shape()[2], regions.shape()[3]};
        if (logits_and_sizes.shape() != expected) {
            throw InputError("the decoder expects component_maps " + shown(expected) + ", got " +
                             shown(logits_and_sizes.shape()));
        }
    }
    const float* next = logits_and_sizes.data();
    std::vector<float> found;
    Components result;
    for (std::size_t i = 0; i < centres.size(); ++i) {
        Contours own(1, 2);
        std::copy_n(boxes.at(i), 4, own.at(0));
        if (!cut.empty() && !whole(centres[i])) {
            own = component_boxes(next, boxes.at(i));
            next += 3 * rows_ * columns_;
        }
        found.insert(found.end(), own.xy.begin(), own.xy.end());
        result.owners.insert(result.owners.end(), own.count, i);
    }
    result.boxes = as_corners(std::move(found));
    return result;
}

/// Boxes of the components that maps (3, rows, columns) of logit, width, height show in a box.
Contours SnakeRcnn::component_boxes(const float* maps, const float* box) const {
    const std::size_t cells = rows_ * columns_;
    std::vector<std::size_t> order(cells);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [maps](std::size_t a, std::size_t b) { return maps[a] > maps[b]; });
    order.resize(std::min(cells, components_));
    std::vector<float> scores;
    std::vector<float> boxes;
    for (const std::size_t cell : order) {
        scores.push_back(1 / (1 + std::exp(-maps[cell])));
        const std::array<double, 2> place = {
            static_cast<double>(cell % columns_) / static_cast<double>(columns_),
            static_cast<double>(cell / columns_) / static_cast<double>(rows_)};
        std::array<float, 4> corners{};
        for (std::size_t axis = 0; axis < 2; ++axis) {
            const float length = box[axis + 2] - box[axis];
            const float centre = box[axis] + static_cast<float>(place[axis]) * length;
            const float half = maps[(1 + axis) * cells + cell] / 2;
            corners[axis] = centre - half;
            corners[axis + 2] = centre + half;
        }
        boxes.insert(boxes.end(), corners.begin(), corners.end());
    }
    std::vector<float> chosen;
    for (const std::size_t i : greedy_nms(boxes, scores, {}, component_overlap_)) {
        if (scores[i] > component_score_) {
            const auto first = boxes.begin() + static_cast<std::ptrdiff_t>(4 * i);
            chosen.insert(chosen.end(), first, first + 4);
        }
    }
    return as_corners(std::move(chosen));
}

bool SnakeRcnn::whole(const Peak& peak) const {
    return std::find(whole_classes_.begin(), whole_classes_.end(), peak.class_index) !=
           whole_classes_.end();
}

}  // namespace surgery
