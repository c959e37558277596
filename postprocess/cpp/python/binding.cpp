// Python module postprocess._native: the C functions on numpy arrays, without the GIL.
//
// Arguments are checked in postprocess/decoders/*.py; here every array is float32 and C-contiguous.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <memory>
#include <new>
#include <stdexcept>

#include "postprocess/decode.h"

namespace nb = nanobind;

namespace {

template <int Axes>
using Input = nb::ndarray<const float, nb::ndim<Axes>, nb::c_contig, nb::device::cpu>;
using Labels = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

/// An owned buffer that becomes a numpy array without a copy.
template <class Value>
class Output {
  public:
    explicit Output(std::size_t size) : values_(new Value[size]), size_(size) {}
    Value* data() { return values_.get(); }
    std::size_t size() const { return size_; }
    nb::ndarray<nb::numpy, Value> array(std::initializer_list<std::size_t> shape) {
        Value* values = values_.release();
        nb::capsule owner(values, [](void* p) noexcept { delete[] static_cast<Value*>(p); });
        return nb::ndarray<nb::numpy, Value>(values, shape, owner);
    }

  private:
    std::unique_ptr<Value[]> values_;
    std::size_t size_;
};

template <class Value>
nb::ndarray<nb::numpy, Value> copied(const Value* from, std::size_t count) {
    Output<Value> output(count);
    std::copy_n(from, count, output.data());
    return output.array({count});
}

/// Run a C function without the GIL and turn a failure into an exception.
template <class Call>
void run(Call&& call) {
    pp_status status;
    {
        nb::gil_scoped_release release;
        status = call();
    }
    if (status == PP_ERROR_MEMORY) throw std::bad_alloc();
    if (status != PP_OK) throw std::invalid_argument(pp_status_message(status));
}

nb::tuple counts_of(const pp_non_finite& seen) {
    return nb::make_tuple(seen.nan, seen.positive_infinity, seen.negative_infinity);
}

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

nb::ndarray<nb::numpy, float> resample(Input<3> polygons, std::size_t count) {
    const std::size_t batch = polygons.shape(0);
    Output<float> points(batch * count * 2);
    run([&] {
        return pp_resample(polygons.data(), batch, polygons.shape(1), count, points.data(),
                           points.size());
    });
    return points.array({batch, count, 2});
}

}  // namespace

NB_MODULE(_native, module) {
    module.doc() = "Compiled decoders; call them through postprocess.decoders.";
    module.def("version", &pp_version);
    module.def("peaks", &peaks, nb::arg("heatmap"), nb::arg("k"), nb::arg("threshold"),
               nb::arg("logits"), nb::arg("kernel"));
    module.def("keypoints", &keypoints, nb::arg("heatmaps"), nb::arg("method"), nb::arg("kernel"));
    module.def("sample", &sample, nb::arg("feature"), nb::arg("points"), nb::arg("align_corners"));
    module.def("fast_nms", &fast_nms, nb::arg("boxes"), nb::arg("scores"), nb::arg("classes"),
               nb::arg("iou"));
    module.def("resample", &resample, nb::arg("polygons"), nb::arg("count"));
}
