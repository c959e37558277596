/* From a photo to the network's input and back: resizing, normalisation, coordinates. The rules of
 * decode.h hold here as well. Images are (height, width, 3) bytes, whatever their colour order.
 */
#ifndef POSTPROCESS_IMAGE_H
#define POSTPROCESS_IMAGE_H

#include "postprocess/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/* x' = m[0] x + m[1] y + m[2], y' = m[3] x + m[4] y + m[5]. */
typedef struct pp_affine {
    double m[6];
} pp_affine;

/* Where a resized image lies in the network's input, and the map from image pixels to input pixels,
 * with continuous coordinates: pixel i covers i to i + 1. */
typedef struct pp_placement {
    size_t top, left, height, width;
    pp_affine to_network;
} pp_placement;

typedef enum pp_resize_rule {
    PP_RESIZE_LETTERBOX = 0, /* scaled by one factor to fit, centred on black */
    PP_RESIZE_STRETCH = 1    /* scaled to the whole input */
} pp_resize_rule;

/* Placement of an image in the network's input.
 *
 * rule       a pp_resize_rule
 * placement  result
 *
 * Errors: PP_ERROR_SHAPE for a side of 0, PP_ERROR_PARAMETER for an unknown rule; NULL.
 */
PP_API pp_status pp_place(size_t image_height, size_t image_width, size_t network_height,
                          size_t network_width, int rule, pp_placement* placement);

/* The warp that top-down keypoint networks see a person through: the box, widened to the input's
 * aspect and grown, fills the input. Coordinates are pixel indices: the first pixel's middle is 0.
 *
 * box     x1, y1, x2, y2 in image pixels; sides below 1 count as 1
 * growth  factor on the box's sides, above 0; 1.25 in training
 * udp     not 0: lengths are counted as size - 1 (UDP)
 * matrix  from image pixels to input pixels; without UDP to the last bit what OpenCV's
 *         getAffineTransform solves for, whose terms beside the diagonal may be some 1e-17
 *
 * Errors: PP_ERROR_SHAPE for a side of 0, PP_ERROR_PARAMETER for a box that is not finite, a growth
 * that is not finite and above 0, or a box so far out that there is no such matrix; NULL.
 */
PP_API pp_status pp_person_affine(const double box[4], size_t network_height, size_t network_width,
                                  double growth, int udp, pp_affine* matrix);

/* The inverse map.
 *
 * Errors: PP_ERROR_PARAMETER where there is none; NULL.
 */
PP_API pp_status pp_invert_affine(const pp_affine* matrix, pp_affine* inverse);

/* Points through a map, in double precision.
 *
 * points, moved  (count, 2) x, y; capacity >= count * 2
 *
 * Errors: NULL, SHAPE, CAPACITY.
 */
PP_API pp_status pp_move_points(const float* points, size_t count, const pp_affine* matrix,
                                float* moved, size_t capacity);

/* Colour order and normalisation: (value * scale - mean) / std in float. */
typedef struct pp_normalization {
    int swap;      /* not 0: the image's third channel becomes the tensor's first (BGR to RGB) */
    float scale;   /* for example 1/255 */
    float mean[3]; /* of the tensor's channels */
    float std[3];  /* of the tensor's channels, not 0 */
} pp_normalization;

/* Bytes (batch, height, width, 3) to floats (batch, 3, height, width).
 *
 * images         any size may be 0
 * normalization  not NULL
 * tensor         capacity >= batch * 3 * height * width
 *
 * Errors: PP_ERROR_PARAMETER for a std of 0; NULL, SHAPE, CAPACITY.
 */
PP_API pp_status pp_normalize(const uint8_t* images, size_t batch, size_t height, size_t width,
                              const pp_normalization* normalization, float* tensor,
                              size_t capacity);

/* Images of one size resized: every pixel of the result is the mean of what it covers where pixels
 * get fewer (OpenCV's INTER_AREA), and bilinear where they get more (INTER_LINEAR, and with an axis
 * that grows beside one that shrinks INTER_AREA's own form of it). Differs from OpenCV by at most
 * one level, where its rounding falls the other way.
 *
 * images   (batch, height, width, 3), sides at least 1
 * resized  (batch, to_height, to_width, 3), sides at least 1; capacity >= its elements
 *
 * Errors: PP_ERROR_SHAPE for a side of 0; NULL, CAPACITY, MEMORY.
 */
PP_API pp_status pp_resize(const uint8_t* images, size_t batch, size_t height, size_t width,
                           size_t to_height, size_t to_width, uint8_t* resized, size_t capacity);

/* Images of one size warped: what is at p in an image comes to matrix * p, bilinear, black outside.
 * Coordinates are pixel indices. Positions and mixes are fused multiply-adds in float, as OpenCV
 * 5's warpAffine has them; where the width is no multiple of its vectors it may differ by one
 * level.
 *
 * images  (batch, height, width, 3), sides at least 1
 * matrix  from image pixels to pixels of the result
 * warped  (batch, to_height, to_width, 3), sides at least 1; capacity >= its elements
 *
 * Errors: PP_ERROR_SHAPE for a side of 0, PP_ERROR_PARAMETER for a matrix that is not finite or has
 * no inverse; NULL, CAPACITY.
 */
PP_API pp_status pp_warp(const uint8_t* images, size_t batch, size_t height, size_t width,
                         const pp_affine* matrix, size_t to_height, size_t to_width,
                         uint8_t* warped, size_t capacity);

/* pp_place, pp_resize and pp_normalize in one pass, for images of one size.
 *
 * images     (batch, height, width, 3), sides at least 1
 * rule       a pp_resize_rule
 * tensor     (batch, 3, network_height, network_width); black outside of the image, normalised too
 * placement  of each image, the same for all; may be NULL
 *
 * Errors: PP_ERROR_SHAPE for a side of 0, PP_ERROR_PARAMETER for an unknown rule or a std of 0;
 * NULL, CAPACITY, MEMORY.
 */
PP_API pp_status pp_preprocess(const uint8_t* images, size_t batch, size_t height, size_t width,
                               size_t network_height, size_t network_width, int rule,
                               const pp_normalization* normalization, float* tensor,
                               size_t capacity, pp_placement* placement);

#ifdef __cplusplus
}
#endif

#endif /* POSTPROCESS_IMAGE_H */
