#include "snake.h"

#include <algorithm>

#include "contours.h"
#include "parameters.h"

namespace surgery {
namespace {

constexpr std::size_t kExtremePoints = 4;

/// (n, 2): x, y.
Tensor places(const std::vector<Peak>& centres) {
    std::vector<float> rows;
    for (const Peak& peak : centres) {
        rows.insert(rows.end(), {static_cast<float>(peak.x), static_cast<float>(peak.y)});
    }
    return {{static_cast<std::int64_t>(centres.size()), 2}, std::move(rows)};
}

/// (n, 6): box, score, class.
Tensor detection(const Contours& boxes, const std::vector<Peak>& centres) {
    std::vector<float> rows;
    for (std::size_t i = 0; i < centres.size(); ++i) {
        rows.insert(rows.end(), boxes.at(i), boxes.at(i) + 4);
        rows.insert(rows.end(), {centres[i].score, static_cast<float>(centres[i].class_index)});
    }
    return {{static_cast<std::int64_t>(centres.size()), 6}, std::move(rows)};
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

Snake::Snake(const Field& field)
    : names_(field.only({"heatmap", "wh", "feature", "stride", "evolutions", "init_points",
                         "points", "align_corners", "k", "threshold", "kernel", "backend"})),
      rule_(peak_rule(field)),
      stride_(above_zero(field, "stride", 4)),
      evolutions_(static_cast<int>(integer_or(field, "evolutions", 3, 0))),
      init_points_(static_cast<std::size_t>(integer_or(field, "init_points", 40, 4))),
      points_(static_cast<std::size_t>(integer_or(field, "points", 128, 12))),
      align_corners_(flag_or(field, "align_corners", false)) {
    if (init_points_ % kExtremePoints != 0) {
        throw field["init_points"].error("a multiple of 4");
    }
}

Instances Snake::operator()(const Feeds& heads, Decoding& decoding) const {
    const ContourMaps maps(heads, names_, 2);
    const std::vector<Peak> centres = peaks(maps.heatmap, rule_, decoding.warnings);
    decoding.keep("ct", places(centres).view());
    const Contours corners = boxes(maps, centres);
    decoding.keep("detection", detection(corners, centres).view());

    Contours contours = around_extreme_points(maps, corners, decoding);
    decoding.keep("it_py", view(contours));
    if (decoding.refine != nullptr && contours.count != 0) {
        for (int i = 0; i < evolutions_; ++i) {
            const Tensor offsets =
                evolution(i, maps.feature, contours, stride_, align_corners_, decoding);
            contours = divided(moved(multiplied(contours, stride_), offsets.view(), 1), stride_);
            decoding.keep("py." + std::to_string(i), view(contours));
        }
    }
    return instances(multiplied(contours, stride_), centres, decoding.warnings);
}

/// Corners of the boxes around the peaks, cut at 0 above and left, at size - 1 below and right.
Contours Snake::boxes(const ContourMaps& maps, const std::vector<Peak>& centres) const {
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

/// Octagons through the diamonds' vertices, deformed where there is a network.
Contours Snake::around_extreme_points(const ContourMaps& maps, const Contours& boxes,
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
