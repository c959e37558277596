/// Graphs in OpenCV's dnn module, for machines that have nothing else.
#pragma once

#include <filesystem>
#include "graph.h"

namespace surgery {

/// How to open the graphs of the bundle in `folder` in OpenCV; `threads` of 0 is OpenCV's choice.
OpenGraph opencv_backend(const std::filesystem::path& folder, int threads);

/// "OpenCV 4.6.0".
std::string opencv_version();

}  // namespace surgery
