/// The run time of examples/cpp for the browser: preprocessing and decoding
/// here, graphs in onnxruntime-web.
///
/// A graph's run is a promise in JavaScript and a plain call in C++: the module
/// is built with Asyncify, which puts the C++ stack aside while the promise is
/// pending.
#include <emscripten/bind.h>
#include <emscripten/val.h>

#include <memory>
#include <string>
#include <vector>

#include "error.h"
#include "json_runtime.h"

namespace surgery {
namespace {

using emscripten::val;

/// A graph that a JavaScript object runs: run([{name, dims, data}], [wanted])
/// gives a promise of
/// [{dims, data}].
class BrowserGraph : public Graph {
  public:
    BrowserGraph(const GraphInfo& info, val session)
        : Graph(info.file, info), session_(std::move(session)) {}

  protected:
    std::vector<Tensor> execute(const std::vector<TensorView>& inputs,
                                const std::vector<std::string>& wanted) override {
        val feeds = val::array();
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            val feed = val::object();
            feed.set("name", info().inputs[i].name);
            feed.set("dims", sides(inputs[i].shape));
            feed.set("data", val(emscripten::typed_memory_view(inputs[i].size(), inputs[i].data)));
            feeds.call<void>("push", feed);
        }
        const val outputs =
            session_.call<val>("run", feeds, val::array(wanted.begin(), wanted.end())).await();
        if (outputs.hasOwnProperty("error")) {
            throw InputError(path() + ": " + outputs["error"].as<std::string>());
        }
        std::vector<Tensor> tensors;
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            Shape shape;
            for (const double side :
                 emscripten::convertJSArrayToNumberVector<double>(outputs[i]["dims"])) {
                shape.push_back(static_cast<std::int64_t>(side));
            }
            tensors.emplace_back(std::move(shape), emscripten::convertJSArrayToNumberVector<float>(
                                                       outputs[i]["data"]));
        }
        return tensors;
    }

  private:
    static val sides(const Shape& shape) {
        val dims = val::array();
        for (const std::int64_t side : shape) {
            dims.call<void>("push", static_cast<double>(side));
        }
        return dims;
    }

    val session_;
};

/// What JavaScript sees; a C++ exception would reach it as a bare number.
class WebRuntime {
  public:
    /// `sessions` maps the files of the bundle's graphs to objects that run them.
    std::string load(const std::string& bundle_json, const val& sessions) {
        return runtime_.load(bundle_json, [&](const GraphInfo& info) {
            return std::make_unique<BrowserGraph>(info, sessions[info.file]);
        });
    }

    /// Pixels of a canvas, RGBA.
    std::string run(const val& pixels, int height, int width) {
        const std::vector<std::uint8_t> rgba =
            emscripten::convertJSArrayToNumberVector<std::uint8_t>(pixels);
        return runtime_.run(without_alpha(rgba.data(), height, width, 2, 1, 0));
    }

  private:
    JsonRuntime runtime_;
};

}  // namespace
}  // namespace surgery

EMSCRIPTEN_BINDINGS(surgery) {
    emscripten::class_<surgery::WebRuntime>("WebRuntime")
        .constructor<>()
        .function("load", &surgery::WebRuntime::load)
        .function("run", &surgery::WebRuntime::run);
}
