/// What a decoder is: built from the bundle's parameters, it turns a network's heads into
/// instances.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bundle.h"
#include "field.h"
#include "graph.h"
#include "instances.h"
#include "stopwatch.h"
#include "tensor.h"

namespace surgery {

/// What a decoder needs beside the heads, and what it leaves.
struct Decoding {
    Graph* refine = nullptr;  // the learned part after the backbone, for models that have one
    Stopwatch& watch;
    Tensors* trace = nullptr;  // every stage's arrays by the names of golden.npz, where wanted
    std::vector<std::string> warnings;

    /// Run the refine graph for one output.
    Tensor refined(const Feeds& feeds, const std::string& wanted);

    /// Keep a copy of an array for the trace.
    void keep(const std::string& name, const TensorView& array);
};

class Decoder {
  public:
    virtual ~Decoder() = default;

    /// Decode the heads of one image, batch side 1: instances in network-input pixels. Throws an
    /// InputError where a head is missing or does not fit.
    virtual Instances operator()(const Feeds& heads, Decoding& decoding) const = 0;

    /// Heads of a flip test: those that it averages with the mirrored image's, by name. `order`
    /// holds the index of each keypoint's mirror image. Throws an InputError for a decoder without
    /// one.
    virtual Tensors merge_flipped(const Feeds& heads, const Feeds& mirrored,
                                  const std::vector<std::int64_t>& order) const;

    virtual bool has_flip_test() const { return false; }
};

/// The decoder that a bundle names, with its parameters; "threshold" stands in for the bundle's
/// where it is not null.
std::unique_ptr<Decoder> make_decoder(const Bundle& bundle, const nlohmann::json& threshold);

/// A head by name; throws an InputError that lists the heads there are.
const TensorView& head(const Feeds& heads, const std::string& name);

}  // namespace surgery
