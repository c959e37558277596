/// Reading bundle.json, checked field by field: postprocess/bundle.py.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "preprocess.h"

namespace surgery {

inline constexpr std::int64_t kSchemaVersion = 1;

/// One input or output of a graph.
struct TensorInfo {
    /// A side that varies has length -1 and a name.
    struct Side {
        std::int64_t length = -1;
        std::string name;
        bool varies() const { return length < 0; }
    };

    std::string name;
    std::string dtype;
    std::vector<Side> shape;
};

/// One ONNX file of the bundle and its inputs and outputs, in order.
struct GraphInfo {
    std::string file;
    std::vector<TensorInfo> inputs;
    std::vector<TensorInfo> outputs;
};

/// What the run time needs of bundle.json.
struct Bundle {
    std::string name;
    Preprocess preprocess;
    std::map<std::string, GraphInfo> graphs;  // "backbone" always, "refine" for contour models
    std::string decoder;
    nlohmann::json decoder_parameters;
    std::vector<std::string> classes;
    std::vector<std::string> keypoints;
    std::vector<std::array<std::size_t, 2>> skeleton;  // pairs of keypoints to join when drawing
    std::map<std::string, std::string> sha256;         // by file name
};

/// Check the text of a bundle.json; `path` names it in messages. Reads no file.
Bundle parse_bundle(const std::string& text, const std::string& path);

}  // namespace surgery
