/// A bundle, loaded: image in, instances in image pixels out.
///
///     image -> Preprocess -> tensor -> backbone -> heads -> decoder (with refine) -> instances
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bundle.h"
#include "decoder.h"
#include "graph.h"
#include "image.h"
#include "instances.h"
#include "stopwatch.h"
#include "tensor.h"

namespace surgery {

class Runtime {
  public:
    /// Opens a bundle's graphs; `threshold` stands in for the bundle's where it is not null. Throws
    /// an InputError that says what is wrong with them.
    Runtime(Bundle bundle, const OpenGraph& open, const nlohmann::json& threshold = nullptr);

    /// The objects of one image, in its pixels, score descending. Adds to `watch`, to `warnings`
    /// and, where there is one, every stage's array to `stages`, by the names of golden.npz.
    Instances operator()(const Image& image, Stopwatch& watch, std::vector<std::string>& warnings,
                         Tensors* stages = nullptr) const;

    const Bundle& bundle() const { return bundle_; }

  private:
    Tensors heads(const Tensor& input) const;
    Graph* graph(const std::string& name) const;

    Bundle bundle_;
    std::unique_ptr<Decoder> decoder_;
    std::map<std::string, std::unique_ptr<Graph>> graphs_;
};

}  // namespace surgery
