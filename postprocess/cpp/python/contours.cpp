// Contours for Python: where they start, resampling, the jagged filter, masks and run lengths.
#include <nanobind/stl/string.h>

#include <string>
#include <vector>

#include "arrays.h"
#include "modules.h"

namespace {

nb::ndarray<nb::numpy, float> resample(Input<3> polygons, std::size_t count) {
    const std::size_t batch = polygons.shape(0);
    Output<float> points(batch * count * 2);
    run([&] {
        return pp_resample(polygons.data(), batch, polygons.shape(1), count, points.data(),
                           points.size());
    });
    return points.array({batch, count, 2});
}

nb::ndarray<nb::numpy, float> initial_contours(Input<4> offsets, Indices xs, Indices ys,
                                               float stride) {
    const std::size_t count = xs.shape(0), points = offsets.shape(1) / 2;
    require(offsets.shape(0) == 1 && offsets.shape(1) % 2 == 0 && ys.shape(0) == count);
    Output<float> contours(count * points * 2);
    run([&] {
        return pp_initial_contours(offsets.data(), 1, points, offsets.shape(2), offsets.shape(3),
                                   xs.data(), ys.data(), &count, count, stride, contours.data(),
                                   contours.size());
    });
    return contours.array({count, points, 2});
}

nb::ndarray<nb::numpy, float> clip_points(Shaped<-1, -1, 2> points, std::size_t height,
                                          std::size_t width) {
    Output<float> clipped(points.size());
    run([&] {
        return pp_clip_points(points.data(), points.size() / 2, height, width, clipped.data(),
                              clipped.size());
    });
    return clipped.array({points.shape(0), points.shape(1), 2});
}

nb::ndarray<nb::numpy, float> clip_boxes(Shaped<-1, 4> boxes, std::size_t height,
                                         std::size_t width) {
    Output<float> clipped(boxes.size());
    run([&] {
        return pp_clip_boxes(boxes.data(), boxes.shape(0), height, width, clipped.data(),
                             clipped.size());
    });
    return clipped.array({boxes.shape(0), 4});
}

nb::ndarray<nb::numpy, float> canonical_contours(Shaped<-1, -1, 2> contours) {
    Output<float> moved(contours.size());
    run([&] {
        return pp_canonical_contours(contours.data(), contours.shape(0), contours.shape(1),
                                     moved.data(), moved.size());
    });
    return moved.array({contours.shape(0), contours.shape(1), 2});
}

nb::ndarray<nb::numpy, float> contour_boxes(Shaped<-1, -1, 2> contours) {
    const std::size_t count = contours.shape(0);
    Output<float> boxes(count * 4);
    run([&] {
        return pp_contour_boxes(contours.data(), count, contours.shape(1), boxes.data(),
                                boxes.size());
    });
    return boxes.array({count, 4});
}

nb::ndarray<nb::numpy, float> diamonds(Shaped<-1, 4> boxes) {
    Output<float> vertices(boxes.shape(0) * 8);
    run([&] {
        return pp_diamonds(boxes.data(), boxes.shape(0), vertices.data(), vertices.size());
    });
    return vertices.array({boxes.shape(0), 4, 2});
}

nb::ndarray<nb::numpy, float> octagons(Shaped<-1, 4, 2> extreme) {
    Output<float> vertices(extreme.shape(0) * 24);
    run([&] {
        return pp_octagons(extreme.data(), extreme.shape(0), vertices.data(), vertices.size());
    });
    return vertices.array({extreme.shape(0), 12, 2});
}

nb::ndarray<nb::numpy, float> undo_jagged(Shaped<-1, -1, 2> previous, Shaped<-1, -1, 2> last,
                                          int least) {
    require(previous.shape(0) == last.shape(0) && previous.shape(1) == last.shape(1));
    Output<float> chosen(last.size());
    run([&] {
        return pp_undo_jagged(previous.data(), last.data(), last.shape(0), last.shape(1), least,
                              chosen.data(), chosen.size());
    });
    return chosen.array({last.shape(0), last.shape(1), 2});
}

nb::ndarray<nb::numpy, std::uint8_t> masks(Shaped<-1, -1, 2> contours, std::size_t height,
                                           std::size_t width) {
    const std::size_t count = contours.shape(0);
    Output<std::uint8_t> filled(count * height * width);
    run([&] {
        return pp_masks(contours.data(), count, contours.shape(1), height, width, filled.data(),
                        filled.size());
    });
    return filled.array({count, height, width});
}

nb::list run_lengths(Shaped<-1, -1, 2> contours, std::size_t height, std::size_t width) {
    const std::size_t count = contours.shape(0);
    Output<std::size_t> lengths(count);
    std::vector<std::uint32_t> runs(count * 256);
    std::size_t total = 0;
    const auto encode = [&] {
        return pp_run_lengths(contours.data(), count, contours.shape(1), height, width, runs.data(),
                              runs.size(), lengths.data(), &total);
    };
    run([&] {
        const pp_status status = encode();
        if (status != PP_ERROR_CAPACITY) return status;
        runs.resize(total);
        return encode();
    });
    nb::list encoded;
    const std::uint32_t* from = runs.data();
    for (std::size_t i = 0; i < count; from += lengths.data()[i++]) {
        encoded.append(copied(from, lengths.data()[i]));
    }
    return encoded;
}

std::string rle_string(Runs runs) {
    std::string text(7 * runs.size(), '\0');
    std::size_t size = 0;
    run([&] { return pp_rle_string(runs.data(), runs.size(), text.data(), text.size(), &size); });
    text.resize(size);
    return text;
}

}  // namespace

void define_contours(nb::module_& module) {
    module.def("resample", &resample, nb::arg("polygons"), nb::arg("count"));
    module.def("initial_contours", &initial_contours, nb::arg("offsets"), nb::arg("xs"),
               nb::arg("ys"), nb::arg("stride"));
    module.def("clip_points", &clip_points, nb::arg("points"), nb::arg("height"), nb::arg("width"));
    module.def("clip_boxes", &clip_boxes, nb::arg("boxes"), nb::arg("height"), nb::arg("width"));
    module.def("canonical_contours", &canonical_contours, nb::arg("contours"));
    module.def("contour_boxes", &contour_boxes, nb::arg("contours"));
    module.def("diamonds", &diamonds, nb::arg("boxes"));
    module.def("octagons", &octagons, nb::arg("extreme"));
    module.def("undo_jagged", &undo_jagged, nb::arg("previous"), nb::arg("last"), nb::arg("least"));
    module.def("masks", &masks, nb::arg("contours"), nb::arg("height"), nb::arg("width"));
    module.def("run_lengths", &run_lengths, nb::arg("contours"), nb::arg("height"),
               nb::arg("width"));
    module.def("rle_string", &rle_string, nb::arg("runs"));
}
