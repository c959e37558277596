#include "smoothing.h"

#include <algorithm>
#include <cmath>

namespace surgery {
namespace {

constexpr double kRestart = 1;  // a track that was away for more seconds is filtered anew
constexpr double kPi = 3.14159265358979323846;

/// Weight of the newest value in a low-pass of that cutoff, Hz, sampled each `period` seconds.
float smoothing_factor(float cutoff, double period) {
    return 1 / (1 + 1 / (static_cast<float>(2 * kPi) * cutoff * static_cast<float>(period)));
}

class EMA : public Filter {
  public:
    std::vector<float> operator()(const std::vector<float>& values, double /*seconds*/,
                                  double /*scale*/) override {
        constexpr float kNewest = 0.5F;
        if (last_.empty()) {
            last_ = values;
        }
        for (std::size_t i = 0; i < values.size(); ++i) {
            last_[i] += kNewest * (values[i] - last_[i]);
        }
        return last_;
    }

  private:
    std::vector<float> last_;
};

/// Casiez, Roussel, Vogel, "1 Euro Filter", CHI 2012, algorithm 1.
class OneEuro : public Filter {
  public:
    std::vector<float> operator()(const std::vector<float>& values, double seconds,
                                  double scale) override {
        constexpr float kLeastCutoff = 1;       // Hz, at rest
        constexpr float kBeta = 5;              // Hz for one scale a second
        constexpr float kDerivativeCutoff = 1;  // Hz
        if (last_.empty()) {
            last_ = values;
            speed_.assign(values.size(), 0);
        }
        const double period = seconds - seconds_;
        const float speed_weight = smoothing_factor(kDerivativeCutoff, period);
        for (std::size_t i = 0; i < values.size(); ++i) {
            const float speed = (values[i] - last_[i]) / static_cast<float>(period * scale);
            speed_[i] += speed_weight * (speed - speed_[i]);
            const float cutoff = kLeastCutoff + kBeta * std::fabs(speed_[i]);
            last_[i] += smoothing_factor(cutoff, period) * (values[i] - last_[i]);
        }
        seconds_ = seconds;
        return last_;
    }

  private:
    std::vector<float> last_;
    std::vector<float> speed_;
    double seconds_ = -1;
};

/// Side of the square of a box's area, pixels; at least one.
double size(const std::array<float, 4>& box) {
    const double width = std::max(box[2] - box[0], 0.0F);
    const double height = std::max(box[3] - box[1], 0.0F);
    return std::max(1.0, std::sqrt(width * height));
}

}  // namespace

void KeypointSmoother::operator()(Instances& found, double seconds) {
    if (name_ == "none") {
        return;
    }
    for (auto own = filters_.begin(); own != filters_.end();) {
        own = seconds - own->second.seen > kRestart ? filters_.erase(own) : std::next(own);
    }
    for (Instance& instance : found) {
        if (instance.track == 0 || instance.keypoints.empty()) {
            continue;
        }
        Own& own = filters_[instance.track];
        if (own.filter == nullptr) {
            own.filter = name_ == "ema" ? std::unique_ptr<Filter>(std::make_unique<EMA>())
                                        : std::make_unique<OneEuro>();
        }
        own.seen = seconds;
        std::vector<float> points;
        for (std::size_t i = 0; i < instance.keypoints.size(); ++i) {
            if (i % 3 != 2) {
                points.push_back(instance.keypoints[i]);
            }
        }
        const std::vector<float> smooth = (*own.filter)(points, seconds, size(instance.box));
        for (std::size_t i = 0; i < smooth.size(); ++i) {
            instance.keypoints[3 * (i / 2) + i % 2] = smooth[i];
        }
    }
}

}  // namespace surgery
