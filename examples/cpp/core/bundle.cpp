#include "bundle.h"

#include <algorithm>

#include "text.h"

namespace surgery {
namespace {

const std::vector<std::string> kDtypes = {"float32", "float16", "int32", "int64",
                                          "uint8",   "int8",    "bool"};

/// The name, after refusing one that could lead out of the bundle's folder.
std::string file_name(const std::string& name, const Field& field) {
    const bool leads_out = name.find_first_of(std::string("/\\:\0", 4)) != std::string::npos;
    if (name.empty() || name == "." || name == ".." || leads_out) {
        throw InputError(field.file() + ": '" + field.path() + "' names '" + name +
                         "': expected a plain file name, since a bundle's files lie in its own "
                         "folder");
    }
    return name;
}

std::map<std::string, std::string> hashes(const Field& field) {
    std::map<std::string, std::string> found;
    for (const auto& [name, value] : field.items()) {
        const std::string hash = value.text();
        const bool hex = hash.find_first_not_of("0123456789abcdef") == std::string::npos;
        if (hash.size() != 64 || !hex) {
            throw value.error("a sha256, 64 lower-case hex digits");
        }
        found[file_name(name, field)] = hash;
    }
    return found;
}

TensorInfo tensor_info(const Field& field) {
    TensorInfo tensor{field["name"].text(), field["dtype"].text(kDtypes), {}};
    for (const Field& side : field["shape"].elements()) {
        tensor.shape.push_back(side.is_text() ? TensorInfo::Side{-1, side.text()}
                                              : TensorInfo::Side{side.integer(1), ""});
    }
    return tensor;
}

GraphInfo graph_info(const Field& field, const std::map<std::string, std::string>& files) {
    GraphInfo graph{file_name(field["file"].text(), field["file"]), {}, {}};
    if (files.count(graph.file) == 0) {
        throw field["file"].error("one of the listed files");
    }
    for (const Field& tensor : field["inputs"].elements()) {
        graph.inputs.push_back(tensor_info(tensor));
    }
    for (const Field& tensor : field["outputs"].elements()) {
        graph.outputs.push_back(tensor_info(tensor));
    }
    if (graph.inputs.empty() || graph.outputs.empty()) {
        throw field.error("at least one input and one output");
    }
    return graph;
}

std::vector<std::string> names(const Field& field) {
    std::vector<std::string> found;
    for (const Field& name : field.elements()) {
        found.push_back(name.text());
    }
    return found;
}

std::vector<std::array<std::size_t, 2>> skeleton(const Field& field, std::size_t keypoints) {
    std::vector<std::array<std::size_t, 2>> pairs;
    for (const Field& pair : field.elements()) {
        const std::vector<Field> ends = pair.elements(2);
        const std::array<std::size_t, 2> both = {static_cast<std::size_t>(ends[0].integer(0)),
                                                 static_cast<std::size_t>(ends[1].integer(0))};
        if (std::max(both[0], both[1]) >= keypoints) {
            throw pair.error("two indices into the " + std::to_string(keypoints) + " keypoints");
        }
        pairs.push_back(both);
    }
    return pairs;
}

nlohmann::json parsed(const std::string& text, const std::string& path) {
    try {
        return nlohmann::json::parse(text);
    } catch (const nlohmann::json::exception& error) {
        throw InputError(path + ": not JSON: " + error.what());
    }
}

}  // namespace

Bundle parse_bundle(const std::string& text, const std::string& path) {
    const nlohmann::json document = parsed(text, path);
    const Field root(document, path);
    const std::int64_t version = root["schema"].integer(1);
    if (version > kSchemaVersion) {
        throw InputError(path + ": schema version " + std::to_string(version) + " is newer than " +
                         std::to_string(kSchemaVersion) +
                         ", which this program reads: build a newer one, or write the bundle anew");
    }
    const auto files = hashes(root["files"]);
    std::map<std::string, GraphInfo> graphs;
    for (const auto& [name, graph] : root["graphs"].items()) {
        graphs[name] = graph_info(graph, files);
    }
    if (graphs.count("backbone") == 0) {
        throw root["graphs"].error("a graph named 'backbone'");
    }
    const std::vector<std::string> keypoints = names(root["keypoints"]);
    nlohmann::json decoder = document.at("decoder");
    const std::string decoder_name = root["decoder"]["name"].text();
    decoder.erase("name");
    return {root["model"]["name"].text(),
            Preprocess(root["preprocess"]),
            std::move(graphs),
            decoder_name,
            std::move(decoder),
            names(root["classes"]),
            keypoints,
            skeleton(root["skeleton"], keypoints.size()),
            files};
}

}  // namespace surgery
