#include "options.h"

#include <algorithm>
#include <functional>
#include <map>

#include "error.h"
#include "smoothing.h"
#include "text.h"

namespace surgery {
namespace {

using Set = std::function<void(Options&, const std::string&)>;

struct Flag {
    const char* value;  // its name in the usage; empty for a switch
    const char* help;
    Set set;
};

InputError wrong(const std::string& flag, const std::string& expected, const std::string& got) {
    return InputError(flag + " expects " + expected + ", got '" + got + "'");
}

int count(const std::string& flag, const std::string& text) {
    const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
    if (!digits || text.size() > 6 || std::stoi(text) < 1) {
        throw wrong(flag, "a whole number of at least 1", text);
    }
    return std::stoi(text);
}

double share(const std::string& flag, const std::string& text) {
    std::size_t used = 0;
    double number = -1;
    try {
        number = std::stod(text, &used);
    } catch (const std::logic_error&) {  // not a number, or beyond a double
    }
    if (used != text.size() || !(number >= 0 && number <= 1)) {
        throw wrong(flag, "a number from 0 to 1", text);
    }
    return number;
}

std::string among(const std::string& flag, const std::string& text,
                  const std::vector<std::string>& names) {
    if (std::find(names.begin(), names.end(), text) == names.end()) {
        throw wrong(flag, "one of " + listed(names), text);
    }
    return text;
}

const std::vector<std::pair<std::string, Flag>>& flags() {
    static const std::vector<std::pair<std::string, Flag>> kFlags = {
        {"--out", {"DIR", "write overlays there", [](auto& o, auto& v) { o.out = v; }}},
        {"--json", {"", "one JSON object a line and image", [](auto& o, auto&) { o.json = true; }}},
        {"--boxes",
         {"FILE", "persons in the images: COCO annotations or results, or what --json printed",
          [](auto& o, auto& v) { o.boxes = v; }}},
        {"--detector",
         {"BUNDLE", "find the persons with this bundle first",
          [](auto& o, auto& v) { o.detector = v; }}},
        {"--smooth",
         {"FILTER", "of a video's keypoints over time: one-euro (default), ema or none",
          [](auto& o, auto& v) { o.smooth = among("--smooth", v, kSmoothings); }}},
        {"--check",
         {"", "run the bundle's golden.npz and compare every stage",
          [](auto& o, auto&) { o.check = true; }}},
        {"--repeat",
         {"N", "run each image N times, for the latency table",
          [](auto& o, auto& v) { o.repeat = count("--repeat", v); }}},
        {"--threshold",
         {"T", "least score of an instance (default: the bundle's; 0.3 in pictures)",
          [](auto& o, auto& v) { o.threshold = share("--threshold", v); }}},
        {"--backend",
         {"NAME", "onnxruntime or opencv, as far as built in",
          [](auto& o, auto& v) { o.backend = among("--backend", v, backends()); }}},
        {"--threads",
         {"N", "threads within an operator",
          [](auto& o, auto& v) { o.session.threads = count("--threads", v); }}},
        {"--execution-mode",
         {"MODE", "sequential or parallel",
          [](auto& o, auto& v) {
              o.session.execution_mode = among("--execution-mode", v, kExecutionModes);
          }}},
        {"--optimization-level",
         {"LEVEL", "none, basic, extended or all",
          [](auto& o, auto& v) {
              o.session.optimization_level = among("--optimization-level", v, kOptimizationLevels);
          }}},
        {"--provider",
         {"NAME", "execution provider of ONNX Runtime, e.g. CPU, CUDA, Xnnpack",
          [](auto& o, auto& v) { o.session.provider = v; }}},
        {"--flip-test",
         {"", "average with the mirrored image (keypoints)",
          [](auto& o, auto&) { o.flip_test = true; }}},
        {"--no-refine",
         {"", "stop at the initial contours: run the backbone alone",
          [](auto& o, auto&) { o.refine = false; }}},
        {"--no-verify",
         {"", "do not compare the files with their sha256",
          [](auto& o, auto&) { o.verify = false; }}},
        {"--help", {"", "show this", [](auto& o, auto&) { o.help = true; }}},
    };
    return kFlags;
}

}  // namespace

const std::vector<std::string>& backends() {
    static const std::vector<std::string> kBackends = {
#ifdef SURGERY_ONNXRUNTIME
        "onnxruntime",
#endif
#ifdef SURGERY_OPENCV_DNN
        "opencv",
#endif
    };
    return kBackends;
}

Options parse_options(const std::vector<std::string>& arguments) {
    Options options;
    options.backend = backends().front();
    std::vector<std::string> plain;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        if (argument.rfind("--", 0) != 0) {
            plain.push_back(argument);
            continue;
        }
        const auto known = std::find_if(flags().begin(), flags().end(),
                                        [&](const auto& flag) { return flag.first == argument; });
        if (known == flags().end()) {
            throw InputError("unknown option " + argument + " (surgery-run --help lists them)");
        }
        const bool takes_value = *known->second.value != '\0';
        if (takes_value && i + 1 == arguments.size()) {
            throw InputError(argument + " needs a value, " + known->second.value);
        }
        known->second.set(options, takes_value ? arguments[++i] : argument);
    }
    if (options.help) {
        return options;
    }
    if (plain.empty() || (plain.size() == 1 && !options.check)) {
        throw InputError("expected BUNDLE and at least one IMAGE (surgery-run --help)");
    }
    if (!options.boxes.empty() && !options.detector.empty()) {
        throw InputError("--boxes and --detector exclude each other");
    }
    options.bundle = plain.front();
    options.inputs.assign(plain.begin() + 1, plain.end());
    return options;
}

std::string usage() {
    std::string text =
        "usage: surgery-run BUNDLE IMAGE... [options]\n\n"
        "Find objects in images, folders of images and videos with a bundle that the surgery "
        "wrote.\n\n";
    for (const auto& [name, flag] : flags()) {
        std::string left = "  " + name + (*flag.value == '\0' ? "" : " ") + flag.value;
        left.resize(std::max<std::size_t>(left.size() + 1, 30), ' ');
        text += left + flag.help + "\n";
    }
    return text + "\nExits 0 if every image was processed, 1 if an input was at fault.\n";
}

}  // namespace surgery
