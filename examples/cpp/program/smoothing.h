/// Keypoints of a video without jitter: postprocess/smoothing.py, where the filters are described.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "instances.h"

namespace surgery {

inline const std::vector<std::string> kSmoothings = {"one-euro", "ema", "none"};

/// A low-pass filter over the points of one track.
class Filter {
  public:
    virtual ~Filter() = default;

    /// Filter the next values, at least one, as many in each call. `seconds` is larger than the
    /// last call's; `scale` is the length that counts as 1 in a speed.
    virtual std::vector<float> operator()(const std::vector<float>& values, double seconds,
                                          double scale) = 0;
};

class KeypointSmoother {
  public:
    /// `name` is one of kSmoothings.
    explicit KeypointSmoother(std::string name) : name_(std::move(name)) {}

    /// Smooth the points of the instances with a track; scores stay. `seconds` is when the frame is
    /// shown.
    void operator()(Instances& found, double seconds);

  private:
    struct Own {
        std::unique_ptr<Filter> filter;
        double seen;
    };

    std::string name_;
    std::map<int, Own> filters_;
};

}  // namespace surgery
