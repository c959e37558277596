#include "runtime.h"

#include <algorithm>
#include <array>

#include "flip.h"
#include "result.h"

namespace surgery {
namespace {

/// `count` copies of one image's tensor, for a graph of a fixed batch.
Tensor repeated(const TensorView& one, std::int64_t count) {
    std::vector<float> values;
    for (std::int64_t i = 0; i < count; ++i) {
        values.insert(values.end(), one.data, one.data + one.size());
    }
    Shape shape = one.shape;
    shape[0] = count;
    return {std::move(shape), std::move(values)};
}

/// The first image of every head.
Feeds first_of(const Tensors& heads) {
    Feeds views;
    for (const auto& [name, array] : heads) {
        TensorView view = array.view();
        if (!view.shape.empty()) {
            view.shape[0] = 1;
        }
        views[name] = std::move(view);
    }
    return views;
}

/// One row for each instance, of the numbers that `numbers` gives of it.
template <typename Numbers>
Tensor rows(const Instances& found, Shape shape, Numbers numbers) {
    std::vector<float> values;
    for (const Instance& instance : found) {
        const auto row = numbers(instance);
        values.insert(values.end(), row.begin(), row.end());
    }
    shape.insert(shape.begin(), static_cast<std::int64_t>(found.size()));
    return {std::move(shape), std::move(values)};
}

void keep_instances(const Instances& found, Tensors& stages) {
    stages["instances.scores"] =
        rows(found, {}, [](const Instance& item) { return std::array{item.score}; });
    stages["instances.classes"] = rows(found, {}, [](const Instance& item) {
        return std::array{static_cast<float>(item.class_index)};
    });
    stages["instances.boxes"] = rows(found, {4}, [](const Instance& item) { return item.box; });
    const Instance first = found.empty() ? Instance{} : found.front();
    const auto vertices = static_cast<std::int64_t>(first.contour.size() / 2);
    const auto joints = static_cast<std::int64_t>(first.keypoints.size() / 3);
    if (vertices != 0) {
        stages["instances.contours"] =
            rows(found, {vertices, 2}, [](const Instance& item) { return item.contour; });
    }
    if (joints != 0) {
        stages["instances.keypoints"] =
            rows(found, {joints, 3}, [](const Instance& item) { return item.keypoints; });
    }
}

}  // namespace

Runtime::Runtime(Bundle bundle, const OpenGraph& open, const nlohmann::json& threshold,
                 bool flip_test)
    : bundle_(std::move(bundle)),
      decoder_(make_decoder(bundle_, threshold)),
      flip_test_(flip_test) {
    if (flip_test_) {
        if (!decoder_->has_flip_test()) {
            throw InputError("the bundle's decoder '" + bundle_.decoder + "' has no flip test");
        }
        mirror_order_ = mirror_order(bundle_.keypoints);
    }
    for (const auto& [name, info] : bundle_.graphs) {
        graphs_[name] = open(info);
    }
}

Instances Runtime::operator()(const Image& image, Stopwatch& watch,
                              std::vector<std::string>& warnings, Tensors* stages) const {
    return decoded(image, std::nullopt, watch, warnings, stages);
}

Instances Runtime::persons(const Image& image, const std::vector<Box>& boxes, Stopwatch& watch,
                           std::vector<std::string>& warnings) const {
    if (!bundle_.preprocess.takes_boxes()) {
        throw InputError(
            "the bundle finds objects by itself: boxes are for networks that see one "
            "person at a time");
    }
    Instances all;
    for (const Box& box : boxes) {
        for (Instance& person : decoded(image, box, watch, warnings, nullptr)) {
            std::transform(box.begin(), box.end(), person.box.begin(),
                           [](double side) { return static_cast<float>(side); });
            all.push_back(std::move(person));
        }
    }
    return all;
}

Instances Runtime::decoded(const Image& image, const std::optional<Box>& box, Stopwatch& watch,
                           std::vector<std::string>& warnings, Tensors* stages) const {
    const auto [input, transform] = [&] {
        const Stopwatch::Scope scope(watch, Stage::preprocess);
        return bundle_.preprocess(image, box);
    }();
    Tensors outputs = [&, &input = input] {
        const Stopwatch::Scope scope(watch, Stage::backbone);
        return heads(input);
    }();
    if (flip_test_) {
        const Stopwatch::Scope scope(watch, Stage::backbone);
        const Tensors others = heads(mirrored(input.view()));
        for (auto& [name, merged] :
             decoder_->merge_flipped(first_of(outputs), first_of(others), mirror_order_)) {
            outputs[name] = std::move(merged);
        }
    }
    const Stopwatch::Scope scope(watch, Stage::decode);
    const Feeds heads = first_of(outputs);
    Decoding decoding{graph("refine"), watch, stages, {}};
    Instances found = (*decoder_)(heads, decoding);
    warnings.insert(warnings.end(), decoding.warnings.begin(), decoding.warnings.end());
    if (stages != nullptr) {
        const auto [scale, shift] = transform;
        decoding.keep("input", input.view());
        for (const auto& [name, array] : heads) {
            decoding.keep("head." + name, array);
        }
        const std::array<float, 4> map = {
            static_cast<float>(scale[0]), static_cast<float>(scale[1]),
            static_cast<float>(shift[0]), static_cast<float>(shift[1])};
        decoding.keep("transform", {{4}, map.data()});
        keep_instances(found, *stages);
    }
    return in_image(std::move(found), transform);
}

Tensors Runtime::heads(const Tensor& input) const {
    Graph& backbone = *graph("backbone");
    const TensorInfo& takes = backbone.info().inputs[0];
    const std::int64_t batch = takes.shape.empty() ? 1 : takes.shape[0].length;
    if (batch > 1) {
        const Tensor images = repeated(input.view(), batch);
        return backbone.run({{takes.name, images.view()}});
    }
    return backbone.run({{takes.name, input.view()}});
}

Graph* Runtime::graph(const std::string& name) const {
    const auto found = graphs_.find(name);
    return found == graphs_.end() ? nullptr : found->second.get();
}

}  // namespace surgery
