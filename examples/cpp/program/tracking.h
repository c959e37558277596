/// Ids for the objects of a video: postprocess/tracking.py, where the method is described.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "instances.h"

namespace surgery {

class Tracker {
  public:
    /// `start_score`: least score of an instance that starts a track.
    explicit Tracker(double start_score) : start_score_(start_score) {}

    /// Sets `track` in each instance that has one. `frame` is larger than the last call's.
    void operator()(Instances& found, std::size_t frame);

    /// Number of tracks so far.
    int started() const { return started_; }

  private:
    struct Track {
        int id;
        std::int64_t class_index;
        std::array<double, 4> box;
        std::size_t frame;
        std::array<double, 2> velocity;

        std::array<double, 4> expected(std::size_t at) const;
        void move(const std::array<double, 4>& to, std::size_t at);
    };

    double start_score_;
    std::vector<Track> tracks_;
    int started_ = 0;
};

}  // namespace surgery
