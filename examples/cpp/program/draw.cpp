#include "draw.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <opencv2/imgproc.hpp>

#include "result.h"

namespace surgery {
namespace {

constexpr int kLeastSide = 640;         // smaller images are enlarged until a side reaches it
constexpr double kFill = 0.38;          // opacity of a contour's inside
constexpr float kKeypointScore = 0.2F;  // keypoints below this are not drawn
constexpr int kSubpixelBits = 4;        // fractional bits of the coordinates given to OpenCV
constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;

using Points = std::vector<cv::Point>;

/// BGR of the index-th instance: hues a golden angle apart, so that any few differ.
cv::Scalar color_of(std::size_t index) {
    const double hue = std::fmod(static_cast<double>(index) * 0.618033988749895 + 0.02, 1.0);
    const double lightness = std::array{0.56, 0.46, 0.66}[index / 8 % 3];
    const double spread = 0.9 * (1 - std::abs(2 * lightness - 1));  // saturation 0.9
    const auto channel = [&](double turn) {
        const double place = std::fmod(hue * 6 + turn, 6.0);
        const double ramp = std::clamp(std::abs(place - 3) - 1, 0.0, 1.0);
        return std::nearbyint(255 * (lightness + spread * (ramp - 0.5)));
    };
    return {channel(2), channel(4), channel(0)};
}

/// What an instance's colour goes by: its track, so that it keeps it through a video.
std::size_t number_of(const Instance& instance, std::size_t index) {
    return instance.track == 0 ? index : static_cast<std::size_t>(instance.track);
}

/// Draws on a canvas that is `factor` times as large as the image.
class Pen {
  public:
    Pen(cv::Mat canvas, int factor)
        : canvas_(std::move(canvas)),
          factor_(factor),
          width_(std::max(
              1, static_cast<int>(std::nearbyint(std::max(canvas_.rows, canvas_.cols) / 500.0)))) {}

    void fill(const std::vector<float>& contour, const cv::Scalar& color) {
        const Points points = fixed(contour, 2);
        cv::Rect around = cv::boundingRect(points);
        around = {(around.x >> kSubpixelBits) - 1, (around.y >> kSubpixelBits) - 1,
                  (around.width >> kSubpixelBits) + 4, (around.height >> kSubpixelBits) + 4};
        around &= cv::Rect({}, canvas_.size());
        if (around.empty()) {
            return;
        }
        cv::Mat mask(around.size(), CV_8U, cv::Scalar(0));
        const cv::Point corner(around.x * (1 << kSubpixelBits), around.y * (1 << kSubpixelBits));
        Points inside = points;
        std::for_each(inside.begin(), inside.end(), [&](cv::Point& point) { point -= corner; });
        cv::fillPoly(mask, std::vector<Points>{inside}, 255, cv::LINE_AA, kSubpixelBits);
        cv::Mat part = canvas_(around);
        for (int y = 0; y < part.rows; ++y) {
            for (int x = 0; x < part.cols; ++x) {
                const double weight = mask.at<std::uint8_t>(y, x) * (kFill / 255);
                cv::Vec3b& pixel = part.at<cv::Vec3b>(y, x);
                for (int c = 0; c < 3; ++c) {
                    pixel[c] =
                        cv::saturate_cast<std::uint8_t>(pixel[c] + (color[c] - pixel[c]) * weight);
                }
            }
        }
    }

    void outline(const std::vector<float>& polygon, const cv::Scalar& color) {
        const std::vector<Points> points = {fixed(polygon, 2)};
        cv::polylines(canvas_, points, true, {}, width_ + 2, cv::LINE_AA, kSubpixelBits);
        cv::polylines(canvas_, points, true, color, width_ + 1, cv::LINE_AA, kSubpixelBits);
    }

    void skeleton(const std::vector<float>& keypoints, const Bundle& bundle,
                  const cv::Scalar& color) {
        const Points points = fixed(keypoints, 3);
        const auto seen = [&](std::size_t i) { return keypoints[3 * i + 2] >= kKeypointScore; };
        for (const auto& [first, second] : bundle.skeleton) {
            if (seen(first) && seen(second)) {
                cv::line(canvas_, points[first], points[second], color, width_ + 1, cv::LINE_AA,
                         kSubpixelBits);
            }
        }
        const int radius = (2 * width_ + 1) << kSubpixelBits;
        for (std::size_t i = 0; i < points.size(); ++i) {
            if (seen(i)) {
                cv::circle(canvas_, points[i], radius + (1 << kSubpixelBits), {}, -1, cv::LINE_AA,
                           kSubpixelBits);
                cv::circle(canvas_, points[i], radius, color, -1, cv::LINE_AA, kSubpixelBits);
            }
        }
    }

    /// Class and score on a plate at the top left of the box, kept inside the image.
    void label(const Instance& instance, const std::string& name, const cv::Scalar& color) {
        std::array<char, 16> score{};
        std::snprintf(score.data(), score.size(), " %.2f", static_cast<double>(instance.score));
        const std::string track =
            instance.track == 0 ? "" : "#" + std::to_string(instance.track) + " ";
        const std::string text = track + name + score.data();
        const double size = 0.36 + 0.1 * width_;
        int below = 0;
        const cv::Size letters = cv::getTextSize(text, kFont, size, 1, &below);
        const cv::Point corner = fixed({instance.box[0], instance.box[1]}, 2).front();
        const int least = letters.height + below + 4;
        const int left =
            std::clamp(corner.x >> kSubpixelBits, 0, std::max(canvas_.cols - letters.width - 6, 0));
        const int bottom =
            std::clamp(corner.y >> kSubpixelBits, least, std::max(canvas_.rows - 1, least));
        cv::rectangle(canvas_, {left, bottom - least + 1}, {left + letters.width + 6, bottom},
                      color, -1);
        const bool light = 0.114 * color[0] + 0.587 * color[1] + 0.299 * color[2] > 120;
        cv::putText(canvas_, text, {left + 3, bottom - below}, kFont, size,
                    light ? cv::Scalar(0, 0, 0) : cv::Scalar(255, 255, 255), 1, cv::LINE_AA);
    }

  private:
    /// Image pixels (continuous: pixel i covers i to i + 1) to fixed-point canvas pixels, of which
    /// whole ones are pixel centres.
    Points fixed(const std::vector<float>& values, std::size_t columns) const {
        constexpr double kMost = 1 << 24;
        const auto place = [&](float value) {
            const double pixels = static_cast<double>(value) * factor_ - 0.5;
            return static_cast<int>(
                std::clamp(std::nearbyint(pixels * (1 << kSubpixelBits)), -kMost, kMost));
        };
        Points points;
        for (std::size_t i = 0; i + columns <= values.size(); i += columns) {
            points.emplace_back(place(values[i]), place(values[i + 1]));
        }
        return points;
    }

    cv::Mat canvas_;
    int factor_;
    int width_;
};

std::vector<float> corners(const std::array<float, 4>& box) {
    const auto [left, top, right, bottom] = box;
    return {left, top, right, top, right, bottom, left, bottom};
}

}  // namespace

Image overlay(const Image& image, const Instances& found, const Bundle& bundle, float least_score) {
    const int longest = std::max(image.height, image.width);
    const int factor = std::max(1, (kLeastSide + longest - 1) / longest);
    Image drawn(image.height * factor, image.width * factor);
    cv::Mat canvas(drawn.height, drawn.width, CV_8UC3, drawn.bgr.data());
    const cv::Mat source(image.height, image.width, CV_8UC3,
                         const_cast<std::uint8_t*>(image.bgr.data()));
    cv::resize(source, canvas, canvas.size(), 0, 0, cv::INTER_CUBIC);
    Pen pen(canvas, factor);
    Instances sure;
    std::copy_if(found.begin(), found.end(), std::back_inserter(sure),
                 [&](const Instance& instance) { return instance.score >= least_score; });
    for (std::size_t i = sure.size(); i-- > 0;) {  // the best one last, on top
        if (!sure[i].contour.empty()) {
            pen.fill(sure[i].contour, color_of(number_of(sure[i], i)));
        }
    }
    for (std::size_t i = sure.size(); i-- > 0;) {
        if (sure[i].keypoints.empty()) {
            const bool box = sure[i].contour.empty();
            pen.outline(box ? corners(sure[i].box) : sure[i].contour,
                        color_of(number_of(sure[i], i)));
        } else {
            pen.skeleton(sure[i].keypoints, bundle, color_of(number_of(sure[i], i)));
        }
    }
    for (std::size_t i = sure.size(); i-- > 0;) {
        pen.label(sure[i], label_of(sure[i], bundle.classes), color_of(number_of(sure[i], i)));
    }
    return drawn;
}

}  // namespace surgery
