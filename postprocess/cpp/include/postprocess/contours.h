/* Contours between the networks of e2ec and Deep Snake, and what comes of them. The rules of
 * decode.h hold here as well.
 */
#ifndef POSTPROCESS_CONTOURS_H
#define POSTPROCESS_CONTOURS_H

#include "postprocess/common.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Contours around centres as e2ec starts them: centre + offset * stride, clipped to
 * [0, width - 1] x [0, height - 1]. Takes the peaks as pp_peaks gives them.
 *
 * offsets   (batch, points * 2, height, width) the network's wh head, x before y
 * xs, ys    (batch * k) pixels of the peaks, image i from i * k on
 * counts    (batch) number of peaks of each image, at most k
 * stride    feature pixels of one unit of offset
 * contours  (batch * k, points, 2) x, y in feature pixels; entries beyond an image's count are not
 *           written. capacity >= batch * k * points * 2, or 0 where no image has a peak
 *
 * Errors: PP_ERROR_PARAMETER for a count above k or a pixel outside of the map; NULL, SHAPE,
 * CAPACITY.
 */
PP_API pp_status pp_initial_contours(const float* offsets, size_t batch, size_t points,
                                     size_t height, size_t width, const int64_t* xs,
                                     const int64_t* ys, const size_t* counts, size_t k,
                                     float stride, float* contours, size_t capacity);

/* Points clipped to [0, width - 1] x [0, height - 1]; NaN stays.
 *
 * points, clipped  (count, 2); capacity >= count * 2
 *
 * Errors: NULL, SHAPE, CAPACITY.
 */
PP_API pp_status pp_clip_points(const float* points, size_t count, size_t height, size_t width,
                                float* clipped, size_t capacity);

/* Each contour moved so that its least x and y are 0, as both networks see it in an evolution.
 *
 * contours, moved  (count, points, 2) in any one unit; capacity >= count * points * 2
 *
 * Errors: NULL, SHAPE, CAPACITY.
 */
PP_API pp_status pp_canonical_contours(const float* contours, size_t count, size_t points,
                                       float* moved, size_t capacity);

/* Boxes cut to a map as Deep Snake does: x1, y1 at 0, x2 at width - 1, y2 at height - 1; NaN stays.
 *
 * boxes, clipped  (count, 4) x1, y1, x2, y2 in feature pixels; capacity >= count * 4
 *
 * Errors: NULL, SHAPE, CAPACITY.
 */
PP_API pp_status pp_clip_boxes(const float* boxes, size_t count, size_t height, size_t width,
                               float* clipped, size_t capacity);

/* Boxes around contours; NaN where a contour holds one.
 *
 * contours  (count, points, 2) in any one unit; points at least 1
 * boxes     (count, 4) x1, y1, x2, y2; capacity >= count * 4
 *
 * Errors: PP_ERROR_SHAPE for no point; NULL, CAPACITY.
 */
PP_API pp_status pp_contour_boxes(const float* contours, size_t count, size_t points, float* boxes,
                                  size_t capacity);

/* Midpoints of the edges of boxes, where Deep Snake starts: top, left, bottom, right.
 *
 * boxes     (count, 4) x1, y1, x2, y2 in any one unit
 * diamonds  (count, 4, 2); capacity >= count * 8
 *
 * Errors: NULL, SHAPE, CAPACITY.
 */
PP_API pp_status pp_diamonds(const float* boxes, size_t count, float* diamonds, size_t capacity);

/* Octagons through extreme points: each is the middle of a side that reaches an eighth of the width
 * or height to either hand and stops at the corner of the box. The first vertex is the top.
 *
 * extreme   (count, 4, 2) top, left, bottom, right, in any one unit
 * octagons  (count, 12, 2); capacity >= count * 24
 *
 * Errors: NULL, SHAPE, CAPACITY.
 */
PP_API pp_status pp_octagons(const float* extreme, size_t count, float* octagons, size_t capacity);

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

/* Each contour from `last`, or from `previous` where it has at least `least` more zigzag points
 * than there: points whose edge turns against the edge before it and along the one before that
 * (e2ec's filter after its last evolution).
 *
 * previous, last, chosen  (count, points, 2) network-input pixels; capacity >= count * points * 2
 * least                   3 in the authors' code
 *
 * Errors: NULL, SHAPE, CAPACITY.
 */
PP_API pp_status pp_undo_jagged(const float* previous, const float* last, size_t count,
                                size_t points, int least, float* chosen, size_t capacity);

/* Contours filled as COCO's tools fill polygons (even-odd rule; pixel i covers i to i + 1).
 *
 * contours  (count, points, 2) pixels of the mask; points at least 1. A contour with a NaN is
 *           empty, coordinates are clamped to +-1e8
 * masks     (count, height, width) 1 inside, 0 outside; capacity >= its elements
 *
 * Errors: PP_ERROR_SHAPE for no point; NULL, CAPACITY, MEMORY.
 */
PP_API pp_status pp_masks(const float* contours, size_t count, size_t points, size_t height,
                          size_t width, uint8_t* masks, size_t capacity);

/* COCO's run-length encoding of the same masks: numbers of pixels outside, inside, outside, ...
 * down the columns.
 *
 * contours  as for pp_masks
 * runs      the runs of all contours one after the other; capacity elements
 * lengths   (count) number of runs of each contour
 * total     number of runs of all contours together, also where the capacity is too small: call
 *           with runs NULL and capacity 0 to learn it
 *
 * Errors: PP_ERROR_SHAPE for no point, or for 2^32 pixels or more; PP_ERROR_CAPACITY with lengths
 * and total set; NULL, MEMORY.
 */
PP_API pp_status pp_run_lengths(const float* contours, size_t count, size_t points, size_t height,
                                size_t width, uint32_t* runs, size_t capacity, size_t* lengths,
                                size_t* total);

/* The text that COCO's annotation files hold for the runs of one mask.
 *
 * runs   (count)
 * text   capacity characters, not terminated
 * size   number of characters, also where the capacity is too small: at most 7 * count
 *
 * Errors: PP_ERROR_CAPACITY with size set; NULL.
 */
PP_API pp_status pp_rle_string(const uint32_t* runs, size_t count, char* text, size_t capacity,
                               size_t* size);

#ifdef __cplusplus
}
#endif

#endif /* POSTPROCESS_CONTOURS_H */
