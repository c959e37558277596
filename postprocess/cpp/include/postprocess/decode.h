/* Decoders that run after an operated network: heatmap peaks, keypoints, feature samples, Fast-NMS
 * and contour resampling.
 *
 * This is plain C99, so that C, C++, JNI, C# and Rust can bind it. The rules hold for every
 * function:
 *
 * - Ownership: the caller owns every buffer, input and output. Nothing is kept after the return,
 *   and nothing that is returned has to be freed. Input and output buffers may not overlap.
 * - Sizes: arrays are dense and row-major, with the layout that each function names. A capacity is
 *   the number of elements (not bytes) that an output buffer holds; it is checked before anything is
 *   written.
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

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && defined(POSTPROCESS_SHARED)
#ifdef POSTPROCESS_BUILDING
#define PP_API __declspec(dllexport)
#else
#define PP_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define PP_API __attribute__((visibility("default")))
#else
#define PP_API
#endif

/* Version of this header: major * 10000 + minor * 100 + patch. */
#define PP_VERSION_MAJOR 0
#define PP_VERSION_MINOR 1
#define PP_VERSION_PATCH 0
#define PP_VERSION (PP_VERSION_MAJOR * 10000 + PP_VERSION_MINOR * 100 + PP_VERSION_PATCH)

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pp_status {
    PP_OK = 0,
    PP_ERROR_NULL = 1,      /* a pointer that is needed is NULL */
    PP_ERROR_SHAPE = 2,     /* a size is 0 where it cannot be, or sizes overflow size_t */
    PP_ERROR_PARAMETER = 3, /* a parameter is out of its range */
    PP_ERROR_CAPACITY = 4,  /* an output buffer is too small */
    PP_ERROR_MEMORY = 5     /* scratch memory could not be had */
} pp_status;

/* Values of an input that are not finite. */
typedef struct pp_non_finite {
    size_t nan;
    size_t positive_infinity;
    size_t negative_infinity;
} pp_non_finite;

/* Version of the library that runs, to compare with PP_VERSION. */
PP_API int pp_version(void);

/* A constant English sentence for a pp_status; never NULL, also for an unknown one. */
PP_API const char* pp_status_message(int status);

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

/* Points along closed polygons, shared out by edge length as Deep Snake does, from the first vertex
 * on. With more vertices than points, the starts of the longest edges stay, in their order.
 *
 * polygons  (batch, vertices, 2) in any one unit; vertices at least 1
 * count     points of each result, at least 1
 * points    (batch, count, 2), capacity >= batch * count * 2
 *
 * Errors: PP_ERROR_SHAPE for no vertex, PP_ERROR_PARAMETER for a count of 0; NULL, CAPACITY,
 * MEMORY.
 */
PP_API pp_status pp_resample(const float* polygons, size_t batch, size_t vertices, size_t count,
                             float* points, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif /* POSTPROCESS_DECODE_H */
