/// Graphs in ONNX Runtime, through its C++ API.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "graph.h"

namespace surgery {

/// Options of a session, as ONNX Runtime names them.
struct SessionSettings {
    int threads = 0;  // within an operator; 0: ONNX Runtime's choice
    std::string execution_mode = "sequential";
    std::string optimization_level = "all";  // none, basic, extended or all
    std::string provider = "CPU";            // a name as in "CPUExecutionProvider", or its stem
};

inline const std::vector<std::string> kExecutionModes = {"sequential", "parallel"};
inline const std::vector<std::string> kOptimizationLevels = {"none", "basic", "extended", "all"};

/// How to open the graphs of the bundle in `folder` in ONNX Runtime. Its errors become InputErrors
/// of one line.
OpenGraph onnxruntime_backend(const std::filesystem::path& folder, const SessionSettings& settings);

/// "ONNX Runtime 1.32.0".
std::string onnxruntime_version();

}  // namespace surgery
