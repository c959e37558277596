#include "box_contours.h"

#include <algorithm>

#include "contours.h"
#include "parameters.h"

namespace surgery {
namespace {

constexpr std::size_t kExtremePoints = 4;

std::vector<std::string> and_shared(std::vector<std::string> known) {
    for (const char* name : {"heatmap", "wh", "feature", "stride", "evolutions", "init_points",
                             "points", "align_corners", "k", "threshold", "kernel", "backend"}) {
        known.emplace_back(name);
    }
    return known;
}

/// Every step-th vertex.
Contours every(std::size_t step, const Contours& contours) {
    Contours result(contours.count, contours.points / step);
    for (std::size_t i = 0; i < contours.count; ++i) {
        for (std::size_t p = 0; p < result.points; ++p) {
            std::copy_n(contours.at(i) + 2 * step * p, 2, result.at(i) + 2 * p);
        }
    }
    return result;
}

}  // namespace

BoxContours::BoxContours(const Field& field, std::vector<std::string> known, const char* heatmap,
                         const char* wh, double threshold)
    : names_(field.only(and_shared(std::move(known))), heatmap, wh),
      rule_(peak_rule(field, threshold)),
      stride_(above_zero(field, "stride", 4)),
      evolutions_(static_cast<int>(integer_or(field, "evolutions", 3, 0))),
      init_points_(static_cast<std::size_t>(integer_or(field, "init_points", 40, 4))),
      points_(static_cast<std::size_t>(integer_or(field, "points", 128, 12))),
      align_corners_(flag_or(field, "align_corners", false)) {
    if (init_points_ % kExtremePoints != 0) {
        throw field["init_points"].error("a multiple of 4");
    }
}

/// Cut at 0 above and left, at size - 1 below and right.
Contours boxes_at(const ContourMaps& maps, const std::vector<Peak>& centres) {
    Contours corners(centres.size(), 2);
    for (std::size_t i = 0; i < centres.size(); ++i) {
        const Peak& peak = centres[i];
        const auto x = static_cast<float>(peak.x);
        const auto y = static_cast<float>(peak.y);
        const float across = maps.wh_at(0, peak) / 2;
        const float down = maps.wh_at(1, peak) / 2;
        float* corner = corners.at(i);
        corner[0] = std::max(x - across, 0.0F);
        corner[1] = std::max(y - down, 0.0F);
        corner[2] = std::min(x + across, static_cast<float>(maps.width() - 1));
        corner[3] = std::min(y + down, static_cast<float>(maps.height() - 1));
    }
    return corners;
}

void keep_boxes(const Contours& boxes, const std::vector<Peak>& peaks, Decoding& decoding) {
    std::vector<float> rows;
    for (std::size_t i = 0; i < peaks.size(); ++i) {
        rows.insert(rows.end(), boxes.at(i), boxes.at(i) + 4);
        rows.insert(rows.end(), {peaks[i].score, static_cast<float>(peaks[i].class_index)});
    }
    decoding.keep("detection", {{static_cast<std::int64_t>(peaks.size()), 6}, rows.data()});
}

Contours BoxContours::contours(const ContourMaps& maps, const Contours& boxes,
                               Decoding& decoding) const {
    Contours contours = around_extreme_points(maps, boxes, decoding);
    decoding.keep("it_py", view(contours));
    if (decoding.refine != nullptr) {
        for (int i = 0; i < evolutions_; ++i) {
            if (contours.count != 0) {
                const Tensor offsets =
                    evolution(i, maps.feature, contours, stride_, align_corners_, decoding);
                contours =
                    divided(moved(multiplied(contours, stride_), offsets.view(), 1), stride_);
            }
            decoding.keep("py." + std::to_string(i), view(contours));
        }
    }
    return contours;
}

Instances BoxContours::as_instances(const Contours& contours, const std::vector<Peak>& peaks,
                                    Decoding& decoding) const {
    return instances(multiplied(contours, stride_), peaks, decoding.warnings);
}

/// Octagons through the diamonds' vertices, deformed where there is a network.
Contours BoxContours::around_extreme_points(const ContourMaps& maps, const Contours& boxes,
                                            Decoding& decoding) const {
    Contours contours = resample(diamonds(boxes), init_points_);
    decoding.keep("it_ex", view(contours));
    if (decoding.refine != nullptr && contours.count != 0) {
        const Contours around = preceded(middles(contours), contours);
        const Tensor samples = sampled(maps.feature, around, align_corners_, decoding);
        const Contours shape = canonical(contours);
        const Feeds feeds = {{"init_samples", samples.view()}, {"init_contour", view(shape)}};
        contours = moved(contours, decoding.refined(feeds, "init_offset").view(), 1);
    }
    Contours extreme = every(init_points_ / kExtremePoints, contours);
    clip(extreme, maps.height(), maps.width());
    decoding.keep("ex", view(extreme));
    return resample(octagons(extreme), points_);
}

}  // namespace surgery
