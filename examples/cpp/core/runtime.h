/// A bundle, loaded: image in, instances in image pixels out.
///
///     image -> Preprocess -> tensor -> backbone -> heads -> decoder (with refine) -> instances
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bundle.h"
#include "decoder.h"
#include "graph.h"
#include "image.h"
#include "instances.h"
#include "person.h"
#include "stopwatch.h"
#include "tensor.h"

namespace surgery {

class Runtime {
  public:
    /// Opens a bundle's graphs; `threshold` stands in for the bundle's where it is not null, and
    /// with `flip_test` every image is run mirrored as well. Throws an InputError that says what is
    /// wrong.
    Runtime(Bundle bundle, const OpenGraph& open, const nlohmann::json& threshold = nullptr,
            bool flip_test = false);

    /// The objects of one image, in its pixels, score descending. Adds to `watch`, to `warnings`
    /// and, where there is one, every stage's array to `stages`, by the names of golden.npz.
    Instances operator()(const Image& image, Stopwatch& watch, std::vector<std::string>& warnings,
                         Tensors* stages = nullptr) const;

    /// The persons in boxes of an image, one after the other, for a network that sees one at a
    /// time: those of at least the decoder's threshold, each with its box as given.
    Instances persons(const Image& image, const std::vector<Box>& boxes, Stopwatch& watch,
                      std::vector<std::string>& warnings) const;

    const Bundle& bundle() const { return bundle_; }

  private:
    Instances decoded(const Image& image, const std::optional<Box>& box, Stopwatch& watch,
                      std::vector<std::string>& warnings, Tensors* stages) const;
    Tensors heads(const Tensor& input) const;
    Graph* graph(const std::string& name) const;

    Bundle bundle_;
    std::unique_ptr<Decoder> decoder_;
    std::map<std::string, std::unique_ptr<Graph>> graphs_;
    bool flip_test_;
    std::vector<std::int64_t> mirror_order_;
};

}  // namespace surgery
