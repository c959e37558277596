/* The library as a C program uses it: proves that the header is C99, and that bad calls are told.
 */
#include <math.h>
#include <string.h>

#include "check.h"
#include "postprocess/decode.h"

static void peaks_of_a_small_heatmap(void) {
    /* one class, 3 x 4: a peak of 0.9 at (1, 1), one of 0.8 at (3, 2), and 0.3 beside the first */
    const float heatmap[12] = {0.0f, 0.3f, 0.0f, 0.0f, 0.0f, 0.9f,
                               0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.8f};
    pp_peaks_options options = pp_peaks_options_default();
    float scores[4];
    int64_t classes[4], xs[4], ys[4];
    size_t count = 99;
    pp_non_finite non_finite;
    options.k = 4;
    options.logits = 0;
    CHECK(pp_peaks(heatmap, 1, 1, 3, 4, &options, scores, classes, xs, ys, 4, &count,
                   &non_finite) == PP_OK);
    CHECK(count == 2);
    CHECK(scores[0] == 0.9f && classes[0] == 0 && xs[0] == 1 && ys[0] == 1);
    CHECK(scores[1] == 0.8f && classes[1] == 0 && xs[1] == 3 && ys[1] == 2);
    CHECK(non_finite.nan == 0 && non_finite.positive_infinity == 0);
}

static void bad_calls_are_told(void) {
    const float one[1] = {1.0f};
    float value[2];
    int64_t index[1];
    size_t count;
    pp_peaks_options options = pp_peaks_options_default();
    options.k = 1;
    CHECK(pp_peaks(NULL, 1, 1, 1, 1, &options, value, index, index, index, 1, &count, NULL) ==
          PP_ERROR_NULL);
    CHECK(pp_peaks(one, 1, 1, 1, 1, &options, value, index, index, index, 0, &count, NULL) ==
          PP_ERROR_CAPACITY);
    CHECK(pp_peaks(one, SIZE_MAX, SIZE_MAX, 1, 1, &options, value, index, index, index, 1, &count,
                   NULL) == PP_ERROR_SHAPE);
    options.kernel = 2;
    CHECK(pp_peaks(one, 1, 1, 1, 1, &options, value, index, index, index, 1, &count, NULL) ==
          PP_ERROR_PARAMETER);
    CHECK(pp_sample(one, 1, 1, 1, one, 1, 0, value, 0) == PP_ERROR_CAPACITY);
    CHECK(pp_resample(one, 1, 0, 4, value, 2) == PP_ERROR_SHAPE);
    CHECK(pp_resample(one, 1, 1, 0, value, 2) == PP_ERROR_PARAMETER);
    CHECK(pp_fast_nms(NULL, NULL, NULL, 1, 0.5f, index, 1, &count) == PP_ERROR_NULL);
    CHECK(pp_keypoints(one, 1, 0, 1, PP_KEYPOINT_ARGMAX, 3, value, value, 1, NULL) ==
          PP_ERROR_SHAPE);
    CHECK(pp_keypoints(one, 1, 1, 1, 9, 3, value, value, 1, NULL) == PP_ERROR_PARAMETER);
}

static void bad_calls_of_other_decoders_are_told(void) {
    const float one[1] = {1.0f};
    float value[4];
    int64_t index[1];
    size_t count;
    pp_ctdet_options boxes = pp_ctdet_options_default();
    pp_multi_pose_options people = pp_multi_pose_options_default();
    boxes.peaks.k = people.peaks.k = 1;
    CHECK(pp_ctdet(one, NULL, NULL, 1, 1, 1, 1, &boxes, value, index, value, 1, &count, NULL) ==
          PP_ERROR_NULL);
    CHECK(pp_ctdet(one, one, NULL, 1, 1, 1, 1, &boxes, value, index, value, 0, &count, NULL) ==
          PP_ERROR_CAPACITY);
    CHECK(pp_ctdet(one, one, NULL, SIZE_MAX, 1, 2, 2, &boxes, value, index, value, 1, &count,
                   NULL) == PP_ERROR_SHAPE);
    people.reach = (float)NAN;
    CHECK(pp_multi_pose(one, one, NULL, NULL, NULL, NULL, 1, 1, 0, 1, 1, &people, value, index,
                        value, NULL, 1, &count, NULL) == PP_ERROR_PARAMETER);
    CHECK(pp_movenet(one, one, one, one, 1, 1, 0, 1, 1, 0, value, value, 1, NULL) ==
          PP_ERROR_SHAPE);
    CHECK(pp_movenet(one, one, one, one, 1, 1, 1, 1, 1, 0, value, value, 0, NULL) ==
          PP_ERROR_CAPACITY);
    CHECK(pp_masks(one, 1, 0, 1, 1, NULL, 0) == PP_ERROR_SHAPE);
    CHECK(pp_run_lengths(value, 1, 1, SIZE_MAX, 1, NULL, 0, &count, &count) == PP_ERROR_SHAPE);
    CHECK(pp_diamonds(value, 1, value, 7) == PP_ERROR_CAPACITY);
    CHECK(pp_octagons(NULL, 1, value, 24) == PP_ERROR_NULL);
}

static void empty_inputs_need_no_buffers(void) {
    size_t count = 99;
    CHECK(pp_ctdet(NULL, NULL, NULL, 0, 0, 0, 0, NULL, NULL, NULL, NULL, 0, NULL, NULL) == PP_OK);
    CHECK(pp_multi_pose(NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL,
                        NULL, 0, NULL, NULL) == PP_OK);
    CHECK(pp_movenet(NULL, NULL, NULL, NULL, 0, 17, 48, 48, 1, 0, NULL, NULL, 0, NULL) == PP_OK);
    CHECK(pp_simcc(NULL, NULL, 0, 1, 1, 2.0f, NULL, NULL, 0, NULL) == PP_OK);
    CHECK(pp_merge_flipped(NULL, NULL, 0, 0, 0, 0, NULL, 1, NULL, 0) == PP_OK);
    CHECK(pp_undo_jagged(NULL, NULL, 0, 9, 3, NULL, 0) == PP_OK);
    CHECK(pp_masks(NULL, 0, 1, 4, 4, NULL, 0) == PP_OK);
    CHECK(pp_run_lengths(NULL, 0, 1, 4, 4, NULL, 0, NULL, &count) == PP_OK && count == 0);
    CHECK(pp_rle_string(NULL, 0, NULL, 0, &count) == PP_OK && count == 0);
    CHECK(pp_normalize(NULL, 0, 4, 4, &(pp_normalization){0, 1, {0, 0, 0}, {1, 1, 1}}, NULL, 0) ==
          PP_OK);
    CHECK(pp_peaks(NULL, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL) == PP_OK);
    CHECK(pp_sample(NULL, 0, 0, 0, NULL, 0, 0, NULL, 0) == PP_OK);
    CHECK(pp_fast_nms(NULL, NULL, NULL, 0, 0.5f, NULL, 0, &count) == PP_OK);
    CHECK(count == 0);
    CHECK(pp_resample(NULL, 0, 4, 8, NULL, 0) == PP_OK);
    CHECK(pp_keypoints(NULL, 0, 4, 4, PP_KEYPOINT_DARK, 3, NULL, NULL, 0, NULL) == PP_OK);
}

int main(void) {
    CHECK(pp_version() == PP_VERSION);
    CHECK(strlen(pp_status_message(PP_ERROR_CAPACITY)) > 0);
    CHECK(strlen(pp_status_message(77)) > 0);
    peaks_of_a_small_heatmap();
    bad_calls_are_told();
    bad_calls_of_other_decoders_are_told();
    empty_inputs_need_no_buffers();
    return check_failures() != 0;
}
