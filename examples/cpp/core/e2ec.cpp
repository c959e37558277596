#include "e2ec.h"

#include "contours.h"
#include "parameters.h"

namespace surgery {
namespace {

/// Centres as contours of one point, feature pixels.
Contours as_contours(const std::vector<Peak>& centres) {
    Contours points(centres.size(), 1);
    for (std::size_t i = 0; i < centres.size(); ++i) {
        points.at(i)[0] = static_cast<float>(centres[i].x);
        points.at(i)[1] = static_cast<float>(centres[i].y);
    }
    return points;
}

/// (n, 4): x, y, score, class.
Tensor detection(const std::vector<Peak>& centres) {
    std::vector<float> rows;
    for (const Peak& peak : centres) {
        rows.insert(rows.end(), {static_cast<float>(peak.x), static_cast<float>(peak.y), peak.score,
                                 static_cast<float>(peak.class_index)});
    }
    return {{static_cast<std::int64_t>(centres.size()), 4}, std::move(rows)};
}

Instances chosen(const Instances& found, const std::vector<std::size_t>& kept) {
    Instances result;
    for (const std::size_t i : kept) {
        result.push_back(found[i]);
    }
    return result;
}

}  // namespace

E2EC::E2EC(const Field& field)
    : names_(field.only({"heatmap", "wh", "feature", "stride", "init_stride", "coarse_stride",
                         "evolve_stride", "evolutions", "points", "k", "threshold", "kernel",
                         "nms_iou", "jagged_filter", "backend"})),
      rule_(peak_rule(field)),
      stride_(above_zero(field, "stride", 4)),
      init_stride_(number_or(field, "init_stride", 10)),
      coarse_stride_(number_or(field, "coarse_stride", 4)),
      evolve_stride_(number_or(field, "evolve_stride", 1)),
      evolutions_(static_cast<int>(integer_or(field, "evolutions", 3, 0))),
      points_(static_cast<std::size_t>(integer_or(field, "points", 128, 3))),
      nms_iou_(number_if(field, "nms_iou")),
      jagged_filter_(flag_or(field, "jagged_filter", false)) {}

Instances E2EC::operator()(const Feeds& heads, Decoding& decoding) const {
    const ContourMaps maps(heads, names_, static_cast<std::int64_t>(2 * points_));
    const std::vector<Peak> centres = peaks(maps.heatmap, rule_, decoding.warnings);
    decoding.keep("detection", detection(centres).view());

    Contours contours = initial(maps, centres);
    keep("poly_init", contours, decoding);
    Contours pixels = multiplied(contours, stride_);
    if (decoding.refine != nullptr && contours.count != 0) {
        contours = coarse(maps, centres, contours, decoding);
        keep("poly_coarse", contours, decoding);
        pixels = multiplied(contours, stride_);
        Contours previous = pixels;
        for (int i = 0; i < evolutions_; ++i) {
            const Tensor offsets = evolution(i, maps.feature, contours, stride_, false, decoding);
            previous = std::move(pixels);
            pixels = moved(multiplied(contours, stride_), offsets.view(), evolve_stride_);
            decoding.keep("py." + std::to_string(i), view(pixels));
            contours = divided(pixels, stride_);
        }
        pixels = multiplied(contours, stride_);
        if (jagged_filter_ && evolutions_ > 0) {
            pixels = without_jagged(previous, pixels);
        }
    }
    const Instances found = instances(pixels, centres, decoding.warnings);
    return nms_iou_ ? chosen(found, fast_nms(found, *nms_iou_)) : found;
}

/// Contours around the centres, feature pixels.
Contours E2EC::initial(const ContourMaps& maps, const std::vector<Peak>& centres) const {
    Contours contours(centres.size(), points_);
    for (std::size_t i = 0; i < centres.size(); ++i) {
        const Peak& peak = centres[i];
        for (std::size_t c = 0; c < 2 * points_; ++c) {
            const auto centre = static_cast<float>(c % 2 == 0 ? peak.x : peak.y);
            const float offset = maps.wh_at(static_cast<std::int64_t>(c), peak);
            contours.at(i)[c] = centre + offset * init_stride_;
        }
    }
    clip(contours, maps.height(), maps.width());
    return contours;
}

/// One step for all vertices at once, from samples at the centre and the vertices. The centre is
/// not clipped, unlike the contours.
Contours E2EC::coarse(const ContourMaps& maps, const std::vector<Peak>& centres,
                      const Contours& contours, Decoding& decoding) const {
    const Tensor feature = decoding.refined({{"feature", maps.feature}}, "coarse_feature");
    const Contours places = preceded(as_contours(centres), contours);
    const Tensor samples = sampled(feature.view(), places, false, decoding);
    const Tensor offsets = decoding.refined({{"coarse_samples", samples.view()}}, "coarse_offset");
    Contours result = moved(contours, offsets.view(), coarse_stride_);
    clip(result, maps.height(), maps.width());
    return result;
}

void E2EC::keep(const char* name, const Contours& contours, Decoding& decoding) const {
    if (decoding.trace != nullptr) {
        decoding.keep(name, view(multiplied(contours, stride_)));
    }
}

}  // namespace surgery
