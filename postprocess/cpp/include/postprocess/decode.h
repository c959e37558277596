/* Decoders that run after an operated network. This header has what reads maps: peaks, CenterNet,
 * keypoints, MoveNet, feature samples, Fast-NMS; it includes contours.h (contours, masks) and
 * image.h (resizing, normalisation, coordinates), so that one header gives the whole library.
 *
 * This is plain C99, so that C, C++, JNI, C# and Rust can bind it. The rules hold for every
 * function:
 *
 * - Ownership: the caller owns every buffer, input and output. Nothing is kept after the return,
 *   and nothing that is returned has to be freed. Input and output buffers may not overlap.
 * - Sizes: arrays are dense and row-major, with the layout that each function names. A capacity is
 *   the number of elements (not bytes) that an output buffer holds; it is checked before
 *   anything is written.
 * - Units: x before y everywhere, pixels of the map that is passed in unless said otherwise; pixel
 *   centres are at whole numbers.
 * - Errors: the return value says what was wrong; outputs are then unspecified. No function throws,
 *   prints, exits or sets errno on purpose. A pointer to an array of no elements may be NULL.
 * - Threads: every function may run on several threads at once on different outputs. Memory is
 *   taken for scratch space alone and given back before the return.
 *
 * The numpy functions in postprocess/decoders define the results; both agree to the bit, keypoints
 * of the dark methods to the last digits of the C library's logarithm.
 */
#ifndef POSTPROCESS_DECODE_H
#define POSTPROCESS_DECODE_H

#include "postprocess/common.h"
#include "postprocess/contours.h"
#include "postprocess/image.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pp_peaks_options {
    size_t k;        /* most peaks of an image; default 100 */
    float threshold; /* least probability, compared with >=; not NaN; default 0.05 */
    int logits;      /* not 0: the sigmoid is still to be applied; default 1 */
    size_t kernel;   /* odd side of the maximum window, pixels; default 3 */
} pp_peaks_options;

/* The defaults above. */
PP_API pp_peaks_options pp_peaks_options_default(void);

/* Peaks of class heatmaps: local maxima whose probability reaches the threshold, best k of an
 * image.
 *
 * A pixel is a peak where it equals the maximum of the window around it; every pixel of a plateau
 * is one. NaN is no peak and hides no neighbour; +inf counts as probability 1. Scores are the
 * sigmoid in double precision rounded to float, or the value itself without logits. Order: score
 * descending, ties by class, then y, then x.
 *
 * heatmap     (batch, classes, height, width); any size may be 0
 * options     NULL for the defaults
 * scores, class_ids, xs, ys
 *             each of capacity >= batch * k elements; image i has its peaks from i * k on
 * counts      (batch) number of peaks of each image
 * non_finite  counts over the whole input; may be NULL
 *
 * Errors: PP_ERROR_PARAMETER for an even kernel or a NaN threshold; NULL, SHAPE, CAPACITY, MEMORY.
 */
PP_API pp_status pp_peaks(const float* heatmap, size_t batch, size_t classes, size_t height,
                          size_t width, const pp_peaks_options* options, float* scores,
                          int64_t* class_ids, int64_t* xs, int64_t* ys, size_t capacity,
                          size_t* counts, pp_non_finite* non_finite);

typedef struct pp_ctdet_options {
    pp_peaks_options peaks; /* of the heatmap */
    int ltrb;               /* not 0: left, top, right, bottom; default 0: width and height */
    float size_factor;      /* from units of `size` to heatmap pixels; default 1 */
    float center_shift;     /* added to x and y of a centre, heatmap pixels; default 0. CenterNet
                               without an offset takes 0.5 */
    float iou; /* Fast-NMS within a class at this overlap; NaN, the default, for none */
} pp_ctdet_options;

/* The defaults above. */
PP_API pp_ctdet_options pp_ctdet_options_default(void);

/* Boxes of CenterNet: at each peak, centre = peak + offset + center_shift, and the box from the
 * sizes there. Order and ties are those of pp_peaks. A box may reach over the border of the map.
 *
 * heatmap    (batch, classes, height, width)
 * size       (batch, 2, height, width) width, height, or (batch, 4, ...) left, top, right, bottom
 * offset     (batch, 2, height, width) x, y in heatmap pixels, or NULL
 * options    NULL for the defaults
 * scores, class_ids
 *            capacity elements each
 * boxes      (capacity, 4) x1, y1, x2, y2 in heatmap pixels; image i has its boxes from i * k on
 * capacity   number of boxes, >= batch * k
 * counts     (batch) number of boxes of each image
 * non_finite counts over the heatmap; may be NULL
 *
 * Errors: PP_ERROR_PARAMETER for an even kernel or a NaN threshold; NULL, SHAPE, CAPACITY, MEMORY.
 */
PP_API pp_status pp_ctdet(const float* heatmap, const float* size, const float* offset,
                          size_t batch, size_t classes, size_t height, size_t width,
                          const pp_ctdet_options* options, float* scores, int64_t* class_ids,
                          float* boxes, size_t capacity, size_t* counts, pp_non_finite* non_finite);

typedef struct pp_multi_pose_options {
    pp_peaks_options peaks; /* of the centres; k, logits and kernel hold for the joints' maps too */
    float center_shift;     /* added to x and y of a box's centre, heatmap pixels; default 0.
                               CenterNet without an offset takes 0.5 */
    float joint_threshold;  /* least probability of a joint's peak; default 0.1 */
    float reach;            /* farthest snap as a fraction of the box's longer side; default 0.3 */
} pp_multi_pose_options;

/* The defaults above. */
PP_API pp_multi_pose_options pp_multi_pose_options_default(void);

/* People of CenterNet: boxes as pp_ctdet gives them, joints regressed from the centre's pixel, each
 * moved to the nearest peak of its own map that lies in the box and near. Of several peaks at one
 * distance the better one counts.
 *
 * heatmap        (batch, classes, height, width)
 * size           (batch, 2, height, width) width, height in heatmap pixels
 * keypoints      (batch, joints * 2, height, width) centre to joint, x before y, heatmap pixels
 * offset         (batch, 2, height, width) x, y in heatmap pixels, or NULL
 * joint_heatmap  (batch, joints, height, width), or NULL: joints stay at their regression
 * joint_offset   (batch, 2, height, width) x, y in heatmap pixels, or NULL: 0.5 is added to peaks
 * options        NULL for the defaults
 * scores, class_ids
 *                capacity elements each
 * boxes          (capacity, 4) x1, y1, x2, y2 in heatmap pixels
 * poses          (capacity, joints, 3) x, y in heatmap pixels, score: the peak's, 0 for a joint
 *                that did not snap, the person's without joint_heatmap
 * capacity       number of people, >= batch * k; image i has its people from i * k on
 * counts         (batch) number of people of each image
 * non_finite     counts over both heatmaps; may be NULL
 *
 * Errors: PP_ERROR_PARAMETER for an even kernel, a NaN threshold or reach; NULL, SHAPE, CAPACITY,
 * MEMORY.
 */
PP_API pp_status pp_multi_pose(const float* heatmap, const float* size, const float* keypoints,
                               const float* offset, const float* joint_heatmap,
                               const float* joint_offset, size_t batch, size_t classes,
                               size_t joints, size_t height, size_t width,
                               const pp_multi_pose_options* options, float* scores,
                               int64_t* class_ids, float* boxes, float* poses, size_t capacity,
                               size_t* counts, pp_non_finite* non_finite);

typedef enum pp_keypoint_method {
    PP_KEYPOINT_ARGMAX = 0,
    PP_KEYPOINT_QUARTER = 1, /* a quarter pixel towards the larger neighbour */
    PP_KEYPOINT_DARK = 2,    /* DARK: differences at two pixels, blurred with zeros outside */
    PP_KEYPOINT_DARK_UDP = 3 /* DARK-UDP: differences at one pixel, border reflected */
} pp_keypoint_method;

/* Keypoint of each heatmap: its first maximum, refined below a pixel.
 *
 * heatmaps    (maps, height, width); height and width at least 1
 * method      a pp_keypoint_method
 * kernel      odd side of the Gaussian blur of the dark methods, pixels
 * points      (maps, 2) x, y in heatmap pixels
 * scores      (maps) value at the maximum; a map of NaN alone gives point (0, 0) and score 0
 * capacity    number of maps that points and scores hold, >= maps
 * non_finite  counts over the whole input; may be NULL
 *
 * Errors: PP_ERROR_PARAMETER for an even kernel or an unknown method; NULL, SHAPE, CAPACITY,
 * MEMORY.
 */
PP_API pp_status pp_keypoints(const float* heatmaps, size_t maps, size_t height, size_t width,
                              int method, size_t kernel, float* points, float* scores,
                              size_t capacity, pp_non_finite* non_finite);

/* Flip test: heatmaps averaged with those of the images mirrored left to right, which are mirrored
 * back, their joints exchanged, and moved right by a pixel where `shift` is not 0 (the first column
 * stays).
 *
 * heatmaps, mirrored  (batch, joints, height, width); any size may be 0
 * order               (joints) index of each joint's mirror image
 * merged              of the same shape; capacity >= its elements
 *
 * Errors: PP_ERROR_PARAMETER for an index out of range; NULL, SHAPE, CAPACITY.
 */
PP_API pp_status pp_merge_flipped(const float* heatmaps, const float* mirrored, size_t batch,
                                  size_t joints, size_t height, size_t width, const int64_t* order,
                                  int shift, float* merged, size_t capacity);

/* Keypoints of SimCC: the first maximum of each axis divided by the split ratio; the score is the
 * smaller of the two maxima. NaN is passed over; an axis of nothing else gives 0 and score 0.
 *
 * x            (joints, x_bins) over columns, for all joints of all images; x_bins at least 1
 * y            (joints, y_bins) over rows; y_bins at least 1
 * split_ratio  bins of a network-input pixel, above 0
 * points       (joints, 2) x, y in network-input pixels
 * scores       (joints)
 * capacity     number of joints that points and scores hold, >= joints
 * non_finite   counts over x and y; may be NULL
 *
 * Errors: PP_ERROR_PARAMETER for a split ratio that is not finite and above 0; NULL, SHAPE,
 * CAPACITY.
 */
PP_API pp_status pp_simcc(const float* x, const float* y, size_t joints, size_t x_bins,
                          size_t y_bins, float split_ratio, float* points, float* scores,
                          size_t capacity, pp_non_finite* non_finite);

/* Keypoints of MoveNet: the person whose centre is likeliest near the middle of the map, and each
 * joint where it is likeliest near its regression from there; both weighted by
 * 1 / (distance + 1.8). The first maximum counts; NaN is passed over.
 *
 * center      (batch, 1, height, width); height and width at least 1
 * heatmap     (batch, joints, height, width)
 * regression  (batch, joints * 2, height, width) centre to joint, y before x, heatmap pixels
 * offset      (batch, joints * 2, height, width) pixel to joint, y before x, heatmap pixels
 * logits      not 0: the sigmoid is still to be applied to center and heatmap
 * half_constants
 *             not 0: 1.8 and the centre's weights are rounded to float16, as in the TensorFlow.js
 *             build
 * points      (batch, joints, 2) x, y in heatmap pixels
 * scores      (batch, joints) probability at the pixel; a joint without a pixel gives 0, 0 with
 *             the offset there, and score 0
 * capacity    number of joints that points and scores hold, >= batch * joints
 * non_finite  counts over center and heatmap; may be NULL
 *
 * Errors: NULL, SHAPE, CAPACITY, MEMORY.
 */
PP_API pp_status pp_movenet(const float* center, const float* heatmap, const float* regression,
                            const float* offset, size_t batch, size_t joints, size_t height,
                            size_t width, int logits, int half_constants, float* points,
                            float* scores, size_t capacity, pp_non_finite* non_finite);

/* Bilinear samples of every channel at points, as the contour networks e2ec and Deep Snake define
 * them: x / (width / 2) - 1 and the same for y, then grid_sample with zeros outside.
 *
 * feature        (channels, height, width); any size may be 0
 * points         (count, 2) x, y in feature pixels; NaN and infinities lie outside
 * align_corners  grid_sample's flag
 * values         (count, channels), capacity >= count * channels
 *
 * Errors: NULL, SHAPE, CAPACITY, MEMORY.
 */
PP_API pp_status pp_sample(const float* feature, size_t channels, size_t height, size_t width,
                           const float* points, size_t count, int align_corners, float* values,
                           size_t capacity);

/* Fast-NMS (YOLACT): a box goes when any box of higher score overlaps it, also one that goes
 * itself.
 *
 * boxes       (count, 4) x1, y1, x2, y2 in any one unit
 * scores      (count) higher is better, ties by index; a box whose score is NaN is dropped
 * classes     (count), or NULL where all boxes compete; boxes of each class are moved aside by
 *             class * largest coordinate before they are compared
 * iou         least intersection over union that removes a box; not NaN
 * kept        indices into the input, score descending; capacity >= count
 * kept_count  number of indices written
 *
 * Errors: PP_ERROR_PARAMETER for a NaN iou; NULL, SHAPE, CAPACITY, MEMORY.
 */
PP_API pp_status pp_fast_nms(const float* boxes, const float* scores, const int32_t* classes,
                             size_t count, float iou, int64_t* kept, size_t capacity,
                             size_t* kept_count);

/* Greedy NMS of the detectors of 2019: a box goes when a better one that stays overlaps it. Boxes
 * are closed ranges of pixels, so that a side is x2 - x1 + 1.
 *
 * boxes       (count, 4) x1, y1, x2, y2, pixels
 * scores      (count) higher is better, ties by index; NaN comes last
 * classes     (count), or NULL where all boxes compete; boxes of other classes do not
 * overlap     intersection over union beyond which a box goes; not NaN
 * kept        indices into the input, score descending; capacity >= count
 * kept_count  number of indices written
 *
 * Errors: PP_ERROR_PARAMETER for a NaN overlap; NULL, SHAPE, CAPACITY, MEMORY.
 */
PP_API pp_status pp_greedy_nms(const float* boxes, const float* scores, const int32_t* classes,
                               size_t count, float overlap, int64_t* kept, size_t capacity,
                               size_t* kept_count);

/* Regions of a feature map at a fixed size: ROI align (He et al., ICCV 2017) without the half-pixel
 * shift, every bin averaged over ceil(bin size) bilinear samples a side.
 *
 * feature  (channels, height, width), height and width at least 1
 * boxes    (count, 4) x1, y1, x2, y2, feature pixels; sides below a pixel count as one. Samples up
 *          to a pixel outside of the map repeat its border, those farther out count as 0
 * rows, columns
 *          bins of a region, at least 1
 * regions  (count, channels, rows, columns), capacity >= its elements; a region whose box holds NaN
 *          or infinities is NaN
 *
 * Errors: PP_ERROR_SHAPE for a side or a number of bins of 0; NULL, CAPACITY, MEMORY.
 */
PP_API pp_status pp_roi_align(const float* feature, size_t channels, size_t height, size_t width,
                              const float* boxes, size_t count, size_t rows, size_t columns,
                              float* regions, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif /* POSTPROCESS_DECODE_H */
