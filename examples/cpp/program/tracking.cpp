#include "tracking.h"

#include <algorithm>

#include "assignment.h"

namespace surgery {
namespace {

using Corners = std::array<double, 4>;

constexpr double kVelocityWeight = 0.5;  // of the newest step in a track's velocity
constexpr float kLeastOverlap = 0.3F;    // smaller ones do not match
constexpr std::size_t kPatience = 30;    // frames that a track may be away

double area(const Corners& box) {
    return std::max(box[2] - box[0], 0.0) * std::max(box[3] - box[1], 0.0);
}

float overlap(const Corners& a, const Corners& b) {
    const double shared = area(
        {std::max(a[0], b[0]), std::max(a[1], b[1]), std::min(a[2], b[2]), std::min(a[3], b[3])});
    const double together = area(a) + area(b) - shared;
    return together > 0 ? static_cast<float>(shared / together) : 0;
}

double middle(const Corners& box, std::size_t axis) { return (box[axis] + box[axis + 2]) / 2; }

Corners corners(const Instance& instance) {
    Corners box{};
    std::copy(instance.box.begin(), instance.box.end(), box.begin());
    return box;
}

}  // namespace

Corners Tracker::Track::expected(std::size_t at) const {
    const auto frames = static_cast<double>(at - frame);
    return {box[0] + velocity[0] * frames, box[1] + velocity[1] * frames,
            box[2] + velocity[0] * frames, box[3] + velocity[1] * frames};
}

void Tracker::Track::move(const Corners& to, std::size_t at) {
    for (std::size_t axis = 0; axis < 2; ++axis) {
        const double step =
            (middle(to, axis) - middle(box, axis)) / static_cast<double>(at - frame);
        velocity[axis] += kVelocityWeight * (step - velocity[axis]);
    }
    box = to;
    frame = at;
}

void Tracker::operator()(Instances& found, std::size_t frame) {
    const auto over = [&](const Track& track) { return frame - track.frame > kPatience; };
    tracks_.erase(std::remove_if(tracks_.begin(), tracks_.end(), over), tracks_.end());
    std::vector<std::vector<double>> overlaps;
    for (const Track& track : tracks_) {
        const Corners expected = track.expected(frame);
        std::vector<double>& row = overlaps.emplace_back();
        for (const Instance& instance : found) {
            const bool same = track.class_index == instance.class_index;
            row.push_back(same ? static_cast<double>(overlap(expected, corners(instance))) : 0);
        }
    }
    for (const auto& [i, j] : best_pairs(overlaps)) {
        if (static_cast<float>(overlaps[i][j]) >= kLeastOverlap) {
            tracks_[i].move(corners(found[j]), frame);
            found[j].track = tracks_[i].id;
        }
    }
    for (Instance& instance : found) {
        if (instance.track == 0 && static_cast<double>(instance.score) >= start_score_) {
            instance.track = ++started_;
            tracks_.push_back(
                {instance.track, instance.class_index, corners(instance), frame, {0, 0}});
        }
    }
}

}  // namespace surgery
