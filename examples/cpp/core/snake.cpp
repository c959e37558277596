#include "snake.h"

#include "kernels.h"

namespace surgery {

Instances Snake::operator()(const Feeds& heads, Decoding& decoding) const {
    const ContourMaps maps(heads, names(), 2);
    const std::vector<Peak> centres = peaks(maps.heatmap, rule(), decoding.warnings);
    std::vector<float> places;
    for (const Peak& peak : centres) {
        places.insert(places.end(), {static_cast<float>(peak.x), static_cast<float>(peak.y)});
    }
    decoding.keep("ct", {{static_cast<std::int64_t>(centres.size()), 2}, places.data()});
    const Contours boxes = boxes_at(maps, centres);
    keep_boxes(boxes, centres, decoding);
    return as_instances(contours(maps, boxes, decoding), centres, decoding);
}

}  // namespace surgery
