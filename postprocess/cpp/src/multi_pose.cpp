// CenterNet's people: ctdet's boxes, regressed joints, and the joint peaks that they snap to.
#include <cmath>
#include <cstdint>
#include <vector>

#include "boundary.h"
#include "box_maps.h"
#include "numpy_order.h"
#include "postprocess/decode.h"

namespace pp {
namespace {

/// Peaks of one joint's map, moved below a pixel.
class JointPeaks {
  public:
    JointPeaks(const pp_peaks_options& options, std::size_t height, std::size_t width)
        : options_(options),
          height_(height),
          width_(width),
          scores_(options.k),
          xs_(options.k),
          ys_(options.k),
          classes_(options.k),
          columns_(options.k),
          rows_(options.k) {}

    /// `offset` holds x and y, or is NULL.
    pp_status find(const float* map, const float* offset, pp_non_finite* seen) {
        pp_non_finite here;
        const pp_status status =
            pp_peaks(map, 1, 1, height_, width_, &options_, scores_.data(), classes_.data(),
                     columns_.data(), rows_.data(), options_.k, &count_, &here);
        if (status != PP_OK) return status;
        seen->nan += here.nan;
        seen->positive_infinity += here.positive_infinity;
        seen->negative_infinity += here.negative_infinity;
        for (std::size_t i = 0; i < count_; ++i) {
            const std::size_t at =
                static_cast<std::size_t>(rows_[i]) * width_ + static_cast<std::size_t>(columns_[i]);
            xs_[i] = static_cast<float>(columns_[i]) + (offset ? offset[at] : 0.5f);
            ys_[i] = static_cast<float>(rows_[i]) + (offset ? offset[height_ * width_ + at] : 0.5f);
        }
        return PP_OK;
    }

    /// Move a joint (x, y, score) to the nearest peak where that lies in the box and near.
    void snap(const float* box, float reach, float* joint) const {
        joint[2] = 0.0f;
        std::size_t nearest = count_;
        float least = 0.0f;
        for (std::size_t i = 0; i < count_; ++i) {
            const float dx = joint[0] - xs_[i], dy = joint[1] - ys_[i];
            const float distance = std::sqrt(dx * dx + dy * dy);
            if (distance < least || (nearest == count_ && !std::isnan(distance))) {
                nearest = i;
                least = distance;
            }
        }
        if (nearest == count_) return;
        const float x = xs_[nearest], y = ys_[nearest];
        const bool near = least <= maximum(box[2] - box[0], box[3] - box[1]) * reach;
        if (near && x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]) {
            joint[0] = x;
            joint[1] = y;
            joint[2] = scores_[nearest];
        }
    }

  private:
    pp_peaks_options options_;
    std::size_t height_, width_, count_ = 0;
    std::vector<float> scores_, xs_, ys_;
    std::vector<std::int64_t> classes_, columns_, rows_;
};

}  // namespace
}  // namespace pp

extern "C" {

pp_multi_pose_options pp_multi_pose_options_default(void) {
    return {pp_peaks_options_default(), 0.0f, 0.1f, 0.3f};
}

pp_status pp_multi_pose(const float* heatmap, const float* size, const float* keypoints,
                        const float* offset, const float* joint_heatmap, const float* joint_offset,
                        size_t batch, size_t classes, size_t joints, size_t height, size_t width,
                        const pp_multi_pose_options* options, float* scores, int64_t* class_ids,
                        float* boxes, float* poses, size_t capacity, size_t* counts,
                        pp_non_finite* non_finite) {
    const pp_multi_pose_options chosen = options ? *options : pp_multi_pose_options_default();
    if (std::isnan(chosen.joint_threshold) || std::isnan(chosen.reach)) return PP_ERROR_PARAMETER;
    const size_t k = chosen.peaks.k;
    size_t plane, sizes, ways, people, needed;
    if (!pp::product({height, width}, &plane) || !pp::product({batch, 2, plane}, &sizes) ||
        !pp::product({batch, joints, 2, plane}, &ways) || !pp::product({batch, k, 4}, &people) ||
        !pp::product({batch, k, joints, 3}, &needed)) {
        return PP_ERROR_SHAPE;
    }
    people /= 4;
    if ((sizes && !size) || (ways && !keypoints) || (people && !boxes) || (needed && !poses)) {
        return PP_ERROR_NULL;
    }
    if (capacity < people) return PP_ERROR_CAPACITY;

    return pp::guarded([&] {
        std::vector<int64_t> xs(people), ys(people);
        pp_non_finite seen = {0, 0, 0};
        pp_status status = pp_peaks(heatmap, batch, classes, height, width, &chosen.peaks, scores,
                                    class_ids, xs.data(), ys.data(), capacity, counts, &seen);
        if (status != PP_OK) return status;
        pp_ctdet_options box = pp_ctdet_options_default();
        box.center_shift = chosen.center_shift;
        pp_peaks_options joint_options = chosen.peaks;
        joint_options.threshold = chosen.joint_threshold;
        pp::JointPeaks peaks(joint_options, height, width);
        for (size_t image = 0; image < batch; ++image) {
            const pp::BoxMaps maps = {size + image * 2 * plane,
                                      offset ? offset + image * 2 * plane : nullptr, plane, width};
            const float* way = keypoints + image * joints * 2 * plane;
            const size_t first = image * k, last = first + counts[image];
            for (size_t i = first; i < last; ++i) {
                maps.box(xs[i], ys[i], box, boxes + 4 * i);
                const size_t at = static_cast<size_t>(ys[i]) * width + static_cast<size_t>(xs[i]);
                for (size_t joint = 0; joint < joints; ++joint) {
                    float* pose = poses + (i * joints + joint) * 3;
                    pose[0] = static_cast<float>(xs[i]) + way[2 * joint * plane + at];
                    pose[1] = static_cast<float>(ys[i]) + way[(2 * joint + 1) * plane + at];
                    pose[2] = scores[i];
                }
            }
            for (size_t joint = 0; joint_heatmap && joint < joints; ++joint) {
                const float* below = joint_offset ? joint_offset + image * 2 * plane : nullptr;
                status = peaks.find(joint_heatmap + (image * joints + joint) * plane, below, &seen);
                if (status != PP_OK) return status;
                for (size_t i = first; i < last; ++i) {
                    peaks.snap(boxes + 4 * i, chosen.reach, poses + (i * joints + joint) * 3);
                }
            }
        }
        if (non_finite) *non_finite = seen;
        return PP_OK;
    });
}

}  // extern "C"
