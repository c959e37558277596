#include "detector.h"

#include <algorithm>

#include "error.h"
#include "result.h"
#include "text.h"

namespace surgery {
namespace {

constexpr float kLeastScore = 0.3F;  // of an object that is taken for a person

}  // namespace

Detector::Detector(Runtime runtime, const std::string& folder,
                   const std::vector<std::string>& classes)
    : runtime_(std::move(runtime)) {
    const std::vector<std::string>& known = runtime_.bundle().classes;
    if (runtime_.bundle().preprocess.takes_boxes()) {
        throw InputError(folder + " needs boxes itself and cannot be the detector");
    }
    for (const std::string& name : known) {
        const bool wanted = std::find(classes.begin(), classes.end(), name) != classes.end();
        if (known.size() == 1 || wanted) {
            labels_.insert(name);
        }
    }
    if (labels_.empty()) {
        const std::vector<std::string> some(
            known.begin(),
            known.begin() + std::min<std::ptrdiff_t>(4, static_cast<std::ptrdiff_t>(known.size())));
        throw InputError(folder + " finds " + listed(some) + (known.size() > 4 ? ", ..." : "") +
                         " and not " + listed(classes) + ": choose a detector that does");
    }
}

std::vector<Box> Detector::operator()(const Image& image, Stopwatch& watch,
                                      std::vector<std::string>& warnings) const {
    std::vector<Box> boxes;
    for (const Instance& found : runtime_(image, watch, warnings)) {
        const Box box = {static_cast<double>(found.box[0]), static_cast<double>(found.box[1]),
                         static_cast<double>(found.box[2]), static_cast<double>(found.box[3])};
        const bool visible = box[0] < std::min<double>(box[2], image.width) &&
                             box[1] < std::min<double>(box[3], image.height) &&
                             std::min(box[2], box[3]) > 0;
        if (visible && found.score >= kLeastScore &&
            labels_.count(label_of(found, runtime_.bundle().classes)) != 0) {
            boxes.push_back(box);
        }
    }
    return boxes;
}

}  // namespace surgery
