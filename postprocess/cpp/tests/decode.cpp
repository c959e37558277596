// Each decoder against a plain, slow statement of what it should give, on random input.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "check.h"
#include "postprocess/decode.h"

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Found {
    float score;
    std::int64_t c, x, y;
};

float sigmoid(float value) {
    return static_cast<float>(1.0 / (1.0 + std::exp(-static_cast<double>(value))));
}

/// Peaks by looking around every pixel, then sorting them all.
std::vector<Found> slow_peaks(const std::vector<float>& map, std::int64_t classes,
                              std::int64_t height, std::int64_t width, std::size_t k,
                              float threshold, std::int64_t radius) {
    std::vector<Found> found;
    const auto at = [&](std::int64_t c, std::int64_t y, std::int64_t x) {
        return map[static_cast<std::size_t>((c * height + y) * width + x)];
    };
    for (std::int64_t c = 0; c < classes; ++c) {
        for (std::int64_t y = 0; y < height; ++y) {
            for (std::int64_t x = 0; x < width; ++x) {
                const float value = at(c, y, x);
                bool peak = !std::isnan(value);
                for (std::int64_t v = std::max<std::int64_t>(0, y - radius);
                     v <= std::min(height - 1, y + radius); ++v) {
                    for (std::int64_t u = std::max<std::int64_t>(0, x - radius);
                         u <= std::min(width - 1, x + radius); ++u) {
                        if (at(c, v, u) > value) peak = false;
                    }
                }
                if (peak && sigmoid(value) >= threshold) found.push_back({sigmoid(value), c, x, y});
            }
        }
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const Found& a, const Found& b) { return a.score > b.score; });
    if (found.size() > k) found.resize(k);
    return found;
}

void peaks_equal_the_slow_ones() {
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
        const auto pick = [&](int low, int high) {
            return std::uniform_int_distribution<int>(low, high)(random);
        };
        const int classes = pick(1, 4), height = pick(1, 20), width = pick(1, 40);
        std::vector<float> map(static_cast<std::size_t>(classes * height * width));
        const int levels = pick(2, 400);  // few levels make ties and plateaus
        for (float& value : map) {
            value = static_cast<float>(pick(-levels, levels)) * 24.0f / static_cast<float>(levels);
            const int special = pick(0, 99);
            if (special == 0) value = kNan;
            if (special == 1) value = kInfinity;
            if (special == 2) value = -kInfinity;
        }
        pp_peaks_options options = pp_peaks_options_default();
        options.k = static_cast<std::size_t>(pick(0, 60));
        options.kernel = static_cast<std::size_t>(2 * pick(0, 3) + 1);
        options.threshold = static_cast<float>(pick(0, 100)) / 100.0f;
        std::vector<float> scores(options.k);
        std::vector<std::int64_t> c(options.k), x(options.k), y(options.k);
        std::size_t count = 0;
        pp_non_finite non_finite;
        CHECK(pp_peaks(map.data(), 1, static_cast<std::size_t>(classes),
                       static_cast<std::size_t>(height), static_cast<std::size_t>(width), &options,
                       scores.data(), c.data(), x.data(), y.data(), options.k, &count,
                       &non_finite) == PP_OK);
        const auto expected = slow_peaks(map, classes, height, width, options.k, options.threshold,
                                         static_cast<std::int64_t>(options.kernel / 2));
        CHECK(count == expected.size());
        for (std::size_t i = 0; i < std::min(count, expected.size()); ++i) {
            CHECK(scores[i] == expected[i].score && c[i] == expected[i].c &&
                  x[i] == expected[i].x && y[i] == expected[i].y);
        }
        const auto nan = std::count_if(map.begin(), map.end(), [](float v) { return v != v; });
        CHECK(non_finite.nan == static_cast<std::size_t>(nan));
        CHECK(non_finite.positive_infinity ==
              static_cast<std::size_t>(std::count(map.begin(), map.end(), kInfinity)));
    }
}

void samples_are_bilinear_with_zeros_outside() {
    constexpr std::size_t kChannels = 5, kHeight = 3, kWidth = 4;
    std::vector<float> feature(kChannels * kHeight * kWidth);
    for (std::size_t i = 0; i < feature.size(); ++i) feature[i] = static_cast<float>(i) + 1.0f;
    const float points[] = {0.5f,  0.5f, 1.0f, 2.0f, 0.0f, 0.5f,
                            -9.0f, 1.0f, kNan, 1.0f, 3.5f, 2.5f};
    std::vector<float> values(6 * kChannels, -1.0f);
    CHECK(pp_sample(feature.data(), kChannels, kHeight, kWidth, points, 6, 0, values.data(),
                    values.size()) == PP_OK);
    for (std::size_t c = 0; c < kChannels; ++c) {
        const float* map = feature.data() + c * kHeight * kWidth;
        CHECK(values[0 * kChannels + c] == map[0]);
        CHECK(values[1 * kChannels + c] == 0.25f * (map[4] + map[5] + map[8] + map[9]));
        CHECK(values[2 * kChannels + c] == 0.5f * map[0]);
        CHECK(values[3 * kChannels + c] == 0.0f);
        CHECK(values[4 * kChannels + c] == 0.0f);
        CHECK(values[5 * kChannels + c] == map[11]);
    }
}

void many_points_sample_as_single_ones_do() {
    constexpr std::size_t kChannels = 70, kHeight = 7, kWidth = 19, kPoints = 300;
    std::mt19937 random(3);
    std::uniform_real_distribution<float> value(-1.0f, 1.0f), place(-2.0f, 21.0f);
    std::vector<float> feature(kChannels * kHeight * kWidth), points(2 * kPoints);
    for (float& one : feature) one = value(random);
    for (float& one : points) one = place(random);
    for (const int align_corners : {0, 1}) {
        std::vector<float> together(kPoints * kChannels), single(kChannels);
        CHECK(pp_sample(feature.data(), kChannels, kHeight, kWidth, points.data(), kPoints,
                        align_corners, together.data(), together.size()) == PP_OK);
        for (std::size_t i = 0; i < kPoints; ++i) {
            CHECK(pp_sample(feature.data(), kChannels, kHeight, kWidth, points.data() + 2 * i, 1,
                            align_corners, single.data(), single.size()) == PP_OK);
            CHECK(std::equal(single.begin(), single.end(),
                             together.begin() + static_cast<std::ptrdiff_t>(i * kChannels)));
        }
    }
}

void fast_nms_removes_by_boxes_that_go_themselves() {
    // 1 overlaps 0, and 2 overlaps 1 alone: both go. 3 lies on 0 in another class and stays.
    const float boxes[] = {0, 0, 10, 10, 2, 0, 12, 10, 4, 0, 14, 10, 0, 0, 10, 10};
    const float scores[] = {0.9f, 0.8f, 0.7f, 0.95f};
    const std::int32_t classes[] = {0, 0, 0, 1};
    std::int64_t kept[4];
    std::size_t count = 0;
    CHECK(pp_fast_nms(boxes, scores, classes, 4, 0.6f, kept, 4, &count) == PP_OK);
    CHECK(count == 2 && kept[0] == 3 && kept[1] == 0);
    CHECK(pp_fast_nms(boxes, scores, nullptr, 4, 0.6f, kept, 4, &count) == PP_OK);
    CHECK(count == 1 && kept[0] == 3);
}

void greedy_nms_removes_by_boxes_that_stay() {
    // as above, but 1 goes by 0, and 2 stays for want of it
    const float boxes[] = {0, 0, 9, 9, 2, 0, 11, 9, 4, 0, 13, 9, 0, 0, 9, 9};
    const float scores[] = {0.9f, 0.8f, 0.7f, std::nanf("")};
    const std::int32_t classes[] = {0, 0, 0, 1};
    std::int64_t kept[4];
    std::size_t count = 0;
    CHECK(pp_greedy_nms(boxes, scores, classes, 4, 0.6f, kept, 4, &count) == PP_OK);
    CHECK(count == 3 && kept[0] == 0 && kept[1] == 2 && kept[2] == 3);
    CHECK(pp_greedy_nms(boxes, scores, nullptr, 4, 0.6f, kept, 4, &count) == PP_OK);
    CHECK(count == 2 && kept[0] == 0 && kept[1] == 2);
    CHECK(pp_greedy_nms(boxes, scores, nullptr, 4, 0.6f, kept, 3, &count) == PP_ERROR_CAPACITY);
}

void regions_average_what_their_bins_cover() {
    std::vector<float> slope(2 * 6 * 8);
    for (std::size_t i = 0; i < slope.size(); ++i) slope[i] = static_cast<float>(i % 8);
    const float boxes[] = {1, 1, 5, 3, 2, 2, 2, 2, std::nanf(""), 0, 1, 1};
    float regions[3 * 2 * 2];
    CHECK(pp_roi_align(slope.data(), 2, 6, 8, boxes, 3, 1, 2, regions, 12) == PP_OK);
    // a bin of columns 1 to 3, sampled at 1.5 and 2.5, and one of 3 to 5; the same for channel 2
    CHECK(regions[0] == 2.0f && regions[1] == 4.0f && regions[2] == 2.0f && regions[3] == 4.0f);
    CHECK(regions[4] == 2.25f && regions[5] == 2.75f);  // no area counts as a pixel
    CHECK(std::isnan(regions[8]) && std::isnan(regions[11]));
    CHECK(pp_roi_align(slope.data(), 2, 6, 8, boxes, 3, 0, 2, regions, 12) == PP_ERROR_SHAPE);
}

void resampling_shares_points_by_length() {
    const float rectangle[] = {0, 0, 6, 0, 6, 2, 0, 2};
    float points[16];
    CHECK(pp_resample(rectangle, 1, 4, 8, points, 16) == PP_OK);
    const float expected[] = {0, 0, 2, 0, 4, 0, 6, 0, 6, 2, 4, 2, 2, 2, 0, 2};
    for (int i = 0; i < 16; ++i) CHECK(std::fabs(points[i] - expected[i]) < 1e-6f);
    const float same[] = {3, 4, 3, 4, 3, 4};
    CHECK(pp_resample(same, 1, 3, 8, points, 16) == PP_OK);
    for (int i = 0; i < 8; ++i) CHECK(points[2 * i] == 3.0f && points[2 * i + 1] == 4.0f);
}

void dark_finds_the_centre_of_a_gaussian() {
    constexpr std::size_t kSize = 24;
    std::vector<float> map(kSize * kSize);
    for (std::size_t y = 0; y < kSize; ++y) {
        for (std::size_t x = 0; x < kSize; ++x) {
            const double dx = static_cast<double>(x) - 11.3, dy = static_cast<double>(y) - 9.8;
            map[y * kSize + x] = static_cast<float>(std::exp(-(dx * dx + dy * dy) / 8.0));
        }
    }
    for (const auto method : {PP_KEYPOINT_DARK, PP_KEYPOINT_DARK_UDP}) {
        float point[2], score = 0.0f;
        CHECK(pp_keypoints(map.data(), 1, kSize, kSize, method, 3, point, &score, 1, nullptr) ==
              PP_OK);
        CHECK(std::fabs(point[0] - 11.3f) < 0.01f && std::fabs(point[1] - 9.8f) < 0.01f);
        CHECK(score == *std::max_element(map.begin(), map.end()));
    }
}

}  // namespace

int main() {
    peaks_equal_the_slow_ones();
    samples_are_bilinear_with_zeros_outside();
    many_points_sample_as_single_ones_do();
    fast_nms_removes_by_boxes_that_go_themselves();
    greedy_nms_removes_by_boxes_that_stay();
    regions_average_what_their_bins_cover();
    resampling_shares_points_by_length();
    dark_finds_the_centre_of_a_gaussian();
    return check_failures() != 0;
}
