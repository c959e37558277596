/// One ONNX graph: arrays by name in, arrays by name out, slips told in one line.
///
/// The checks are those of postprocess/session.py; what runs the graph is a backend's matter.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bundle.h"
#include "tensor.h"

namespace surgery {

/// Refuse an array that does not fit an input, saying what is wrong with it and the likely slip.
void check_feed(const TensorView& array, const TensorInfo& tensor);

/// A graph may hold branches that share nothing (refine.onnx: the coarse step and every evolution).
/// A call feeds the branch that it wants; the others get arrays of length zero.
class Graph {
  public:
    /// `path` names the file in messages.
    Graph(std::string path, GraphInfo info) : path_(std::move(path)), info_(std::move(info)) {}
    virtual ~Graph() = default;
    Graph(const Graph&) = delete;
    Graph& operator=(const Graph&) = delete;

    const GraphInfo& info() const { return info_; }

    /// Run for the wanted outputs, all of them by default; throws an InputError for an unknown name
    /// or an array that does not fit.
    Tensors run(const Feeds& feeds, std::vector<std::string> wanted = {});

  protected:
    /// Run with one array for each input of the graph, in its order.
    virtual std::vector<Tensor> execute(const std::vector<TensorView>& inputs,
                                        const std::vector<std::string>& wanted) = 0;

    const std::string& path() const { return path_; }

    /// Refuse a graph whose names are not those that bundle.json lists.
    void expect_names(std::vector<std::string> inputs, std::vector<std::string> outputs) const;

  private:
    TensorView idle(const TensorInfo& tensor) const;

    std::string path_;
    GraphInfo info_;
};

/// Opens one of a bundle's graphs by what bundle.json says of it.
using OpenGraph = std::function<std::unique_ptr<Graph>(const GraphInfo&)>;

}  // namespace surgery
