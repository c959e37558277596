// Images for Python: resizing, normalisation, coordinates.
#include <nanobind/stl/array.h>

#include <array>

#include "arrays.h"
#include "modules.h"

namespace {

pp_normalization normalization(bool swap, float scale, Shaped<3> mean, Shaped<3> std) {
    pp_normalization rule = {swap, scale, {}, {}};
    std::copy_n(mean.data(), 3, rule.mean);
    std::copy_n(std.data(), 3, rule.std);
    return rule;
}

nb::ndarray<nb::numpy, float> normalize(Images images, bool swap, float scale, Shaped<3> mean,
                                        Shaped<3> std) {
    const std::size_t batch = images.shape(0), height = images.shape(1), width = images.shape(2);
    const pp_normalization rule = normalization(swap, scale, mean, std);
    Output<float> tensor(images.size());
    run([&] {
        return pp_normalize(images.data(), batch, height, width, &rule, tensor.data(),
                            tensor.size());
    });
    return tensor.array({batch, 3, height, width});
}

nb::ndarray<nb::numpy, std::uint8_t> resize(Images images, std::size_t height, std::size_t width) {
    const std::size_t batch = images.shape(0);
    Output<std::uint8_t> resized(batch * height * width * 3);
    run([&] {
        return pp_resize(images.data(), batch, images.shape(1), images.shape(2), height, width,
                         resized.data(), resized.size());
    });
    return resized.array({batch, height, width, 3});
}

nb::tuple tuple_of(const pp_affine& matrix) {
    const double* m = matrix.m;
    return nb::make_tuple(m[0], m[1], m[2], m[3], m[4], m[5]);
}

nb::tuple preprocess(Images images, std::size_t height, std::size_t width, bool stretch, bool swap,
                     float scale, Shaped<3> mean, Shaped<3> std) {
    const std::size_t batch = images.shape(0);
    const pp_normalization rule = normalization(swap, scale, mean, std);
    Output<float> tensor(batch * 3 * height * width);
    pp_placement placement;
    run([&] {
        return pp_preprocess(images.data(), batch, images.shape(1), images.shape(2), height, width,
                             stretch ? PP_RESIZE_STRETCH : PP_RESIZE_LETTERBOX, &rule,
                             tensor.data(), tensor.size(), &placement);
    });
    return nb::make_tuple(tensor.array({batch, 3, height, width}), tuple_of(placement.to_network));
}

nb::ndarray<nb::numpy, std::uint8_t> warp(Images images, std::array<double, 6> values,
                                          std::size_t height, std::size_t width) {
    const std::size_t batch = images.shape(0);
    pp_affine matrix;
    std::copy(values.begin(), values.end(), matrix.m);
    Output<std::uint8_t> warped(batch * height * width * 3);
    run([&] {
        return pp_warp(images.data(), batch, images.shape(1), images.shape(2), &matrix, height,
                       width, warped.data(), warped.size());
    });
    return warped.array({batch, height, width, 3});
}

nb::tuple person_affine(std::array<double, 4> box, std::size_t height, std::size_t width,
                        double growth, bool udp) {
    pp_affine matrix;
    run([&] { return pp_person_affine(box.data(), height, width, growth, udp, &matrix); });
    return tuple_of(matrix);
}

nb::tuple invert_affine(std::array<double, 6> values) {
    pp_affine matrix, inverse;
    std::copy(values.begin(), values.end(), matrix.m);
    run([&] { return pp_invert_affine(&matrix, &inverse); });
    return tuple_of(inverse);
}

nb::ndarray<nb::numpy, float> move_points(Shaped<-1, 2> points, std::array<double, 6> values) {
    pp_affine matrix;
    std::copy(values.begin(), values.end(), matrix.m);
    Output<float> moved(points.size());
    run([&] {
        return pp_move_points(points.data(), points.shape(0), &matrix, moved.data(), moved.size());
    });
    return moved.array({points.shape(0), 2});
}

}  // namespace

void define_image(nb::module_& module) {
    module.def("normalize", &normalize, nb::arg("images"), nb::arg("swap"), nb::arg("scale"),
               nb::arg("mean"), nb::arg("std"));
    module.def("resize", &resize, nb::arg("images"), nb::arg("height"), nb::arg("width"));
    module.def("preprocess", &preprocess, nb::arg("images"), nb::arg("height"), nb::arg("width"),
               nb::arg("stretch"), nb::arg("swap"), nb::arg("scale"), nb::arg("mean"),
               nb::arg("std"));
    module.def("warp", &warp, nb::arg("images"), nb::arg("matrix"), nb::arg("height"),
               nb::arg("width"));
    module.def("person_affine", &person_affine, nb::arg("box"), nb::arg("height"), nb::arg("width"),
               nb::arg("growth"), nb::arg("udp"));
    module.def("invert_affine", &invert_affine, nb::arg("matrix"));
    module.def("move_points", &move_points, nb::arg("points"), nb::arg("matrix"));
}
