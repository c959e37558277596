/// The library's C functions (postprocess/decode.h) with vectors for buffers and exceptions for
/// status codes.
#pragma once

#include <postprocess/decode.h>

#include <cstdint>
#include <string>
#include <vector>

#include "instances.h"
#include "tensor.h"

namespace surgery {

/// Turns a status that is not PP_OK into an InputError; `what` names the call.
void expect_ok(pp_status status, const char* what);

/// Adds a sentence to `warnings` where a head holds NaN or infinities.
void warn_non_finite(const char* name, const pp_non_finite& count,
                     std::vector<std::string>& warnings);

struct Peak {
    float score = 0;
    std::int64_t class_index = 0;
    std::int64_t x = 0;  // heatmap pixels
    std::int64_t y = 0;
};

struct PeakRule {
    std::int64_t k = 100;
    double threshold = 0.05;
    std::int64_t kernel = 3;
};

/// Best peaks of a (1, C, h, w) heatmap of logits; adds a sentence to `warnings` where the heatmap
/// holds NaN or infinities.
std::vector<Peak> peaks(const TensorView& heatmap, const PeakRule& rule,
                        std::vector<std::string>& warnings);

/// Bilinear samples of (1, F, h, w) features: (contours, points, F).
Tensor sample(const TensorView& feature, const Contours& points, bool align_corners);

/// `count` points along each polygon, shared out by edge length.
Contours resample(const Contours& polygons, std::size_t count);

/// Indices of the boxes that no better box of their class overlaps by `iou`, score descending.
std::vector<std::size_t> fast_nms(const Instances& found, double iou);

struct Keypoints {
    std::vector<float> points;  // (maps, 2) heatmap pixels
    std::vector<float> scores;  // (maps)
};

/// Keypoint of each map of a (1, K, h, w) heatmap; `method` is "argmax", "quarter", "dark" or
/// "dark_udp".
Keypoints keypoints(const TensorView& heatmaps, const std::string& method, std::int64_t kernel,
                    std::vector<std::string>& warnings);

}  // namespace surgery
