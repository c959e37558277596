// The best k of a stream of peaks that arrive in order of their position.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace pp {

struct Peak {
    float score;
    float value;        // heatmap value, which rises and falls with the score
    std::size_t index;  // position in the image: class, then y, then x

    /// Score descending, ties by position.
    bool operator<(const Peak& other) const {
        return score != other.score ? score > other.score : index < other.index;
    }
};

/// Keeps at most 2k peaks, and raises a bound on the value that a later peak needs to come in.
class TopK {
  public:
    TopK(std::size_t k, float bound) : k_(k), limit_(k), bound_(bound) {}

    /// A value below this cannot come in any more.
    float bound() const { return bound_; }

    void push(const Peak& peak) {
        if (k_ == 0) return;
        peaks_.push_back(peak);
        if (peaks_.size() == limit_) shrink();
    }

    /// The best k in order.
    const std::vector<Peak>& sorted() {
        std::sort(peaks_.begin(), peaks_.end());
        if (peaks_.size() > k_) peaks_.resize(k_);
        return peaks_;
    }

  private:
    void shrink() {
        const auto last = peaks_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
        std::nth_element(peaks_.begin(), last, peaks_.end());
        // A later peak of the same value or less loses the tie to this one, whatever its score.
        const float next = std::nextafter(last->value, std::numeric_limits<float>::infinity());
        bound_ = std::max(bound_, next);
        peaks_.resize(k_);
        limit_ = 2 * k_;
    }

    std::size_t k_;
    std::size_t limit_;
    float bound_;
    std::vector<Peak> peaks_;
};

}  // namespace pp
