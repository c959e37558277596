/// Persons found by another bundle, for a network that sees one at a time: postprocess/detector.py.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "runtime.h"

namespace surgery {

class Detector {
  public:
    /// `folder` names the bundle in messages. Throws an InputError where the bundle sees one person
    /// at a time itself, or knows none of the classes; one of a single class may call it as it
    /// likes.
    Detector(Runtime runtime, const std::string& folder, const std::vector<std::string>& classes);

    /// Boxes of an image, image pixels, best first.
    std::vector<Box> operator()(const Image& image, Stopwatch& watch,
                                std::vector<std::string>& warnings) const;

  private:
    Runtime runtime_;
    std::set<std::string> labels_;
};

}  // namespace surgery
