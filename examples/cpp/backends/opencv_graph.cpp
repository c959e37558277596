#include "opencv_graph.h"

#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>
#include <regex>

#include "text.h"

namespace surgery {
namespace {

/// The error without the source lines that OpenCV puts around it.
std::string one_line(const cv::Exception& error) {
    const std::string text = std::regex_replace(error.err, std::regex("[\\s>]+"), " ");
    static const std::regex kInside(
        "^ |OpenCV\\([0-9.]+\\) \\S+ error: (\\([^)]*\\) )?| in function '.*");
    return std::regex_replace(text, kInside, "");
}

/// OpenCV has no arrays of length zero: an idle branch is not fed, and not run either, since a
/// network runs the layers alone that the wanted outputs need.
class OpenCvGraph : public Graph {
  public:
    OpenCvGraph(const std::filesystem::path& path, const GraphInfo& info)
        : Graph(path.string(), info), net_(cv::dnn::readNetFromONNX(path.string())) {}

  protected:
    std::vector<Tensor> execute(const std::vector<TensorView>& inputs,
                                const std::vector<std::string>& wanted) override {
        try {
            for (std::size_t i = 0; i < inputs.size(); ++i) {
                if (inputs[i].size() != 0) {
                    net_.setInput(borrowed(inputs[i]), info().inputs[i].name);
                }
            }
            std::vector<cv::Mat> arrays;
            net_.forward(arrays, std::vector<cv::String>(wanted.begin(), wanted.end()));
            std::vector<Tensor> tensors;
            for (cv::Mat& array : arrays) {
                tensors.push_back(owned(array.clone()));
            }
            return tensors;
        } catch (const cv::Exception& error) {
            throw InputError(path() + " failed in OpenCV's dnn: " + one_line(error));
        }
    }

  private:
    static cv::Mat borrowed(const TensorView& array) {
        const std::vector<int> sides(array.shape.begin(), array.shape.end());
        return {sides, CV_32F, const_cast<float*>(array.data)};
    }

    static Tensor owned(cv::Mat array) {
        const Shape shape(array.size.p, array.size.p + array.dims);
        const float* data = array.ptr<float>();
        return Tensor::adopt(shape, data, std::move(array));
    }

    cv::dnn::Net net_;
};

}  // namespace

OpenGraph opencv_backend(const std::filesystem::path& folder, int threads) {
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    if (threads > 0) {
        cv::setNumThreads(threads);
    }
    return [folder](const GraphInfo& info) -> std::unique_ptr<Graph> {
        const std::filesystem::path path = folder / info.file;
        if (std::filesystem::exists(path.string() + ".data")) {
            throw InputError(path.string() +
                             ": its weights lie in a file beside it, which "
                             "OpenCV's dnn does not read: leave --backend opencv out");
        }
        try {
            return std::make_unique<OpenCvGraph>(path, info);
        } catch (const cv::Exception& error) {
            throw InputError(path.string() + ": OpenCV's dnn cannot open it: " + one_line(error));
        }
    };
}

std::string opencv_version() { return std::string("OpenCV ") + CV_VERSION; }

}  // namespace surgery
