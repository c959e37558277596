#include "graph.h"

#include <algorithm>

#include "text.h"

namespace surgery {
namespace {

/// Length of a side that varies, other than the first one, in the arrays of an idle branch.
constexpr std::int64_t kIdleSide = 32;

std::vector<std::string> names(const std::vector<TensorInfo>& tensors) {
    std::vector<std::string> all;
    for (const TensorInfo& tensor : tensors) {
        all.push_back(tensor.name);
    }
    return all;
}

/// "float32 (1,3,512,512) = 786,432 values".
std::string expected(const TensorInfo& tensor) {
    std::string sides;
    std::int64_t count = 1;
    bool varies = false;
    for (const TensorInfo::Side& side : tensor.shape) {
        sides +=
            (sides.empty() ? "" : ",") + (side.varies() ? side.name : std::to_string(side.length));
        varies = varies || side.varies();
        count *= side.length;
    }
    const std::string values = varies ? "" : " = " + grouped(count) + " values";
    return tensor.dtype + " (" + sides + ")" + values;
}

/// The likely slip behind a shape that does not fit.
std::string slip(const Shape& got, const TensorInfo& tensor) {
    if (tensor.shape.size() != 4 || tensor.shape[1].varies()) {
        return "";
    }
    const std::int64_t channels = tensor.shape[1].length;
    if (got.size() == 4 && got[3] == channels && got[1] != channels) {
        return ": are the channels last? They come before the rows";
    }
    if (got.size() == 3 && got[0] == channels) {
        return ": is the batch side missing?";
    }
    const bool one_channel = got.size() == 4 && got[1] == 1 && channels != 1;
    if (one_channel || got.size() == 2 || got.size() == 3) {
        return ": are the " + std::to_string(channels) + " channels missing?";
    }
    return "";
}

bool fits(const Shape& got, const std::vector<TensorInfo::Side>& wanted) {
    return got.size() == wanted.size() &&
           std::equal(got.begin(), got.end(), wanted.begin(),
                      [](std::int64_t length, const TensorInfo::Side& side) {
                          return side.varies() || side.length == length;
                      });
}

}  // namespace

void check_feed(const TensorView& array, const TensorInfo& tensor) {
    if (tensor.dtype != "float32") {
        throw InputError("input '" + tensor.name + "' expects " + expected(tensor) +
                         ", got float32: this program feeds float32 alone; export the graph with "
                         "float32 inputs");
    }
    if (!fits(array.shape, tensor.shape)) {
        throw InputError("input '" + tensor.name + "' expects " + expected(tensor) + ", got " +
                         shown(array.shape) + " = " +
                         grouped(static_cast<std::int64_t>(array.size())) + " values" +
                         slip(array.shape, tensor));
    }
}

Tensors Graph::run(const Feeds& feeds, std::vector<std::string> wanted) {
    const std::vector<std::string> known = names(info_.outputs);
    wanted = wanted.empty() ? known : std::move(wanted);
    for (const std::string& name : wanted) {
        if (std::find(known.begin(), known.end(), name) == known.end()) {
            throw InputError(path_ + " has no output '" + name + "' (outputs: " + listed(known) +
                             ")");
        }
    }
    const std::vector<std::string> takes = names(info_.inputs);
    for (const auto& [name, array] : feeds) {
        if (std::find(takes.begin(), takes.end(), name) == takes.end()) {
            throw InputError(path_ + " has no input '" + name + "' (inputs: " + listed(takes) +
                             ")");
        }
    }
    std::vector<TensorView> inputs;
    for (const TensorInfo& tensor : info_.inputs) {
        const auto feed = feeds.find(tensor.name);
        inputs.push_back(feed == feeds.end() ? idle(tensor) : feed->second);
        check_feed(inputs.back(), tensor);
    }
    std::vector<Tensor> outputs = execute(inputs, wanted);
    Tensors by_name;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        by_name[wanted[i]] = std::move(outputs[i]);
    }
    return by_name;
}

/// Zero-length array for an input whose branch is not wanted.
TensorView Graph::idle(const TensorInfo& tensor) const {
    if (tensor.shape.empty() || !tensor.shape[0].varies()) {
        throw InputError(path_ + " needs input '" + tensor.name + "', " + expected(tensor));
    }
    static const float nothing = 0;
    TensorView view{{0}, &nothing};
    for (std::size_t axis = 1; axis < tensor.shape.size(); ++axis) {
        view.shape.push_back(tensor.shape[axis].varies() ? kIdleSide : tensor.shape[axis].length);
    }
    return view;
}

void Graph::expect_names(std::vector<std::string> inputs, std::vector<std::string> outputs) const {
    for (auto [found, said, kind] : {std::tuple(inputs, names(info_.inputs), "inputs"),
                                     std::tuple(outputs, names(info_.outputs), "outputs")}) {
        const std::string text = path_ + " has the " + kind + " " + listed(found) +
                                 ", bundle.json lists " + listed(said);
        std::sort(found.begin(), found.end());
        std::sort(said.begin(), said.end());
        if (found != said) {
            throw InputError(text);
        }
    }
}

}  // namespace surgery
