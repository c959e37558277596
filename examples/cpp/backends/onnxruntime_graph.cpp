#include "onnxruntime_graph.h"

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <memory>
#include <regex>

#include "text.h"

#ifdef SURGERY_NNAPI
#include <nnapi_provider_factory.h>
#endif

namespace surgery {
namespace {

std::string one_line(const Ort::Exception& error) {
    return std::regex_replace(std::string(error.what()), std::regex("\\s+"), " ");
}

/// The environment has to outlive every session, so there is one for the life of the program.
Ort::Env& environment() {
    static Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "surgery-run");
    return env;
}

template <typename Value>
Value chosen(const std::string& name, const std::vector<std::string>& names,
             const std::vector<Value>& values) {
    const auto at = std::find(names.begin(), names.end(), name);
    return values[static_cast<std::size_t>(at - names.begin())];
}

void add_provider(Ort::SessionOptions& options, const SessionSettings& settings) {
    const std::string suffix = "ExecutionProvider";
    const std::string full = settings.provider.find(suffix) == std::string::npos
                                 ? settings.provider + suffix
                                 : settings.provider;
    const std::vector<std::string> available = Ort::GetAvailableProviders();
    if (std::find(available.begin(), available.end(), full) == available.end()) {
        throw InputError("this build of ONNX Runtime has no " + full +
                         " (it has: " + listed(available) + ")");
    }
    const std::string stem = full.substr(0, full.size() - suffix.size());
    if (stem == "CPU") {
        return;  // always there, behind whatever else is asked for
    }
#ifdef SURGERY_NNAPI
    if (stem == "Nnapi") {
        Ort::ThrowOnError(OrtSessionOptionsAppendExecutionProvider_Nnapi(options, 0));
        return;
    }
#endif
    std::unordered_map<std::string, std::string> parameters;
    if (stem == "Xnnpack") {
        parameters["intra_op_num_threads"] = std::to_string(std::max(settings.threads, 1));
    }
    options.AppendExecutionProvider(stem == "Xnnpack" ? "XNNPACK" : stem, parameters);
}

Ort::SessionOptions session_options(const SessionSettings& settings) {
    Ort::SessionOptions options;
    if (settings.threads > 0) {
        options.SetIntraOpNumThreads(settings.threads);
    }
    options.SetExecutionMode(chosen<ExecutionMode>(settings.execution_mode, kExecutionModes,
                                                   {ORT_SEQUENTIAL, ORT_PARALLEL}));
    options.SetGraphOptimizationLevel(chosen<GraphOptimizationLevel>(
        settings.optimization_level, kOptimizationLevels,
        {ORT_DISABLE_ALL, ORT_ENABLE_BASIC, ORT_ENABLE_EXTENDED, ORT_ENABLE_ALL}));
    add_provider(options, settings);
    return options;
}

/// The newcomer's trap: Ort::Session, Ort::Value and their relatives each own a handle that they
/// release when they go. A second owner would release it twice, so they have no copy constructor,
/// and "use of deleted function" is what the compiler says of `auto value = values[0];`, of a
/// std::vector filled by `{a, b}` or of a lambda that captures by value. They are moved: into a
/// vector by push_back(std::move(value)), out of one by std::move(values[i]), into a class by its
/// initialiser list, as below. A handle that only looks on (Ort::ConstValue, Ort::UnownedValue)
/// may be copied, and is valid as long as the owner.
class OnnxRuntimeGraph : public Graph {
  public:
    OnnxRuntimeGraph(const std::filesystem::path& path, const GraphInfo& info, Ort::Session session)
        : Graph(path.string(), info), session_(std::move(session)) {
        expect_names(session_.GetInputNames(), session_.GetOutputNames());
    }

  protected:
    std::vector<Tensor> execute(const std::vector<TensorView>& inputs,
                                const std::vector<std::string>& wanted) override {
        std::vector<const char*> input_names;
        for (const TensorInfo& tensor : info().inputs) {
            input_names.push_back(tensor.name.c_str());
        }
        std::vector<const char*> output_names;
        for (const std::string& name : wanted) {
            output_names.push_back(name.c_str());
        }
        std::vector<Ort::Value> values;
        for (const TensorView& array : inputs) {
            values.push_back(borrowed(array));
        }
        try {
            return owned(session_.Run(Ort::RunOptions{nullptr}, input_names.data(), values.data(),
                                      values.size(), output_names.data(), output_names.size()));
        } catch (const Ort::Exception& error) {
            std::string shapes;
            for (std::size_t i = 0; i < inputs.size(); ++i) {
                shapes +=
                    std::string(i == 0 ? "" : ", ") + input_names[i] + " " + shown(inputs[i].shape);
            }
            throw InputError(path() + " failed on " + shapes + ": " + one_line(error));
        }
    }

  private:
    /// A value over the caller's memory, which ONNX Runtime reads and does not keep.
    static Ort::Value borrowed(const TensorView& array) {
        static const Ort::MemoryInfo memory =
            Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
        return Ort::Value::CreateTensor<float>(memory, const_cast<float*>(array.data), array.size(),
                                               array.shape.data(), array.shape.size());
    }

    /// Tensors that own the values that hold their memory.
    std::vector<Tensor> owned(std::vector<Ort::Value> values) const {
        std::vector<Tensor> tensors;
        for (Ort::Value& value : values) {
            const Ort::TensorTypeAndShapeInfo type = value.GetTensorTypeAndShapeInfo();
            if (type.GetElementType() != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) {
                throw InputError(path() +
                                 ": an output is not float32: export the graph with "
                                 "float32 outputs");
            }
            const float* data = value.GetTensorData<float>();
            tensors.push_back(Tensor::adopt(type.GetShape(), data, std::move(value)));
        }
        return tensors;
    }

    Ort::Session session_;
};

}  // namespace

OpenGraph onnxruntime_backend(const std::filesystem::path& folder,
                              const SessionSettings& settings) {
    return [folder, settings](const GraphInfo& info) -> std::unique_ptr<Graph> {
        const std::filesystem::path path = folder / info.file;
        try {
            const Ort::SessionOptions options = session_options(settings);
            return std::make_unique<OnnxRuntimeGraph>(
                path, info, Ort::Session(environment(), path.c_str(), options));
        } catch (const Ort::Exception& error) {
            throw InputError(path.string() + ": ONNX Runtime cannot open it: " + one_line(error));
        }
    };
}

std::string onnxruntime_version() { return "ONNX Runtime " + Ort::GetVersionString(); }

}  // namespace surgery
