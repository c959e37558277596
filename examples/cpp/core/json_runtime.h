/// A runtime whose every answer is a line of JSON, for callers in other languages: exceptions stay
/// on this side of the border, and {"error": line} says what was at fault.
#pragma once

#include <memory>
#include <string>

#include "graph.h"
#include "image.h"
#include "runtime.h"

namespace surgery {

class JsonRuntime {
  public:
    /// Take the text of a bundle.json and open its graphs; {} where that went well.
    std::string load(const std::string& bundle_json, const OpenGraph& open);

    /// {"instances": as in to_json, "latency": milliseconds by stage, "warnings": [...]}.
    std::string run(const Image& image);

  private:
    std::unique_ptr<Runtime> runtime_;
};

/// Pixels of four bytes, with the places of blue, green and red in them, as an image.
Image without_alpha(const std::uint8_t* pixels, int height, int width, int blue, int green,
                    int red);

}  // namespace surgery
