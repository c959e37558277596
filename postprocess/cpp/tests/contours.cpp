// Contours: starts, the jagged filter, and masks that run lengths agree with.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "postprocess/contours.h"

namespace {

void contours_start_around_the_peaks_and_stay_on_the_map() {
    std::vector<float> offsets(4 * 12, 0.0f);  // two points on 3 x 4
    offsets[0 * 12 + 5] = 0.5f;                // x of point 0 at (1, 1)
    offsets[3 * 12 + 5] = -1.0f;               // y of point 1
    const std::int64_t xs[] = {1, 0}, ys[] = {1, 0};
    const std::size_t counts[] = {1}, too_many[] = {3};
    float contours[8];
    CHECK(pp_initial_contours(offsets.data(), 1, 2, 3, 4, xs, ys, counts, 2, 2.0f, contours, 8) ==
          PP_OK);
    CHECK(contours[0] == 2.0f && contours[1] == 1.0f && contours[2] == 1.0f && contours[3] == 0.0f);
    CHECK(pp_initial_contours(offsets.data(), 1, 2, 3, 4, xs, ys, too_many, 2, 2.0f, contours, 8) ==
          PP_ERROR_PARAMETER);
    CHECK(pp_initial_contours(offsets.data(), 1, 2, 3, 1, xs, ys, counts, 2, 2.0f, contours, 8) ==
          PP_ERROR_PARAMETER);
}

void boxes_become_diamonds_and_octagons() {
    const float boxes[] = {-1, 2, 9, 20};
    float cut[4], diamond[8], octagon[24];
    CHECK(pp_clip_boxes(boxes, 1, 11, 9, cut, 4) == PP_OK);
    CHECK(cut[0] == 0 && cut[1] == 2 && cut[2] == 8 && cut[3] == 10);
    CHECK(pp_diamonds(cut, 1, diamond, 8) == PP_OK);
    CHECK(diamond[0] == 4 && diamond[1] == 2 && diamond[2] == 0 && diamond[3] == 6);
    CHECK(pp_octagons(diamond, 1, octagon, 24) == PP_OK);
    CHECK(octagon[0] == 4 && octagon[2] == 3 && octagon[22] == 5 && octagon[18] == 8);
}

void a_contour_moves_to_the_origin_and_is_boxed() {
    const float contour[] = {3, 5, 1, 7, 2, 4};
    float moved[6];
    CHECK(pp_canonical_contours(contour, 1, 3, moved, 6) == PP_OK);
    CHECK(moved[0] == 2 && moved[1] == 1 && moved[2] == 0 && moved[5] == 0);
    float box[4];
    CHECK(pp_contour_boxes(contour, 1, 3, box, 4) == PP_OK);
    CHECK(box[0] == 1 && box[1] == 4 && box[2] == 3 && box[3] == 7);
    CHECK(pp_contour_boxes(contour, 1, 0, box, 4) == PP_ERROR_SHAPE);
}

void a_zigzag_goes_back() {
    std::vector<float> smooth, jagged;
    for (int i = 0; i < 8; ++i) {
        smooth.insert(smooth.end(), {static_cast<float>(i), 0.0f});
        jagged.insert(jagged.end(), {static_cast<float>(i % 2 ? i - 2 : i), 0.0f});
    }
    std::vector<float> chosen(16);
    CHECK(pp_undo_jagged(smooth.data(), jagged.data(), 1, 8, 3, chosen.data(), 16) == PP_OK);
    CHECK(chosen == smooth);
    CHECK(pp_undo_jagged(smooth.data(), smooth.data(), 1, 8, 3, chosen.data(), 16) == PP_OK);
    CHECK(chosen == smooth);
}

void run_lengths_are_those_of_the_mask() {
    std::mt19937 random(11);
    for (int round = 0; round < 200; ++round) {
        const auto pick = [&](int low, int high) {
            return static_cast<std::size_t>(std::uniform_int_distribution<int>(low, high)(random));
        };
        const std::size_t height = pick(1, 15), width = pick(1, 15), points = pick(1, 8);
        std::uniform_real_distribution<float> place(-8.0f, 24.0f);
        std::vector<float> contour(2 * points);
        for (float& value : contour) value = place(random);
        std::vector<std::uint8_t> mask(height * width);
        CHECK(pp_masks(contour.data(), 1, points, height, width, mask.data(), mask.size()) ==
              PP_OK);
        std::size_t length = 0, total = 0;
        CHECK(pp_run_lengths(contour.data(), 1, points, height, width, nullptr, 0, &length,
                             &total) == PP_ERROR_CAPACITY);
        std::vector<std::uint32_t> runs(total);
        CHECK(pp_run_lengths(contour.data(), 1, points, height, width, runs.data(), total, &length,
                             &total) == PP_OK);
        std::vector<std::uint8_t> drawn;
        for (std::size_t i = 0; i < runs.size(); ++i) {
            drawn.insert(drawn.end(), runs[i], static_cast<std::uint8_t>(i % 2));
        }
        CHECK(drawn.size() == mask.size());
        for (std::size_t i = 0; i < std::min(drawn.size(), mask.size()); ++i) {
            CHECK(drawn[i] == mask[i % height * width + i / height]);
        }
    }
}

void a_square_fills_its_pixels_and_odd_contours_nothing() {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float contours[] = {1, 1, 3, 1, 3, 3, 1, 3, nan, 1, 3, 1, 3, 3, 1, 3};
    std::uint8_t masks[32];
    CHECK(pp_masks(contours, 2, 4, 4, 4, masks, 32) == PP_OK);
    CHECK(std::count(masks, masks + 16, 1) == 4 && masks[5] == 1 && masks[10] == 1);
    CHECK(std::count(masks + 16, masks + 32, 1) == 0);
    const float huge[] = {-1e30f, -1e30f, 1e30f, -1e30f, 1e30f, 1e30f, -1e30f, 1e30f};
    CHECK(pp_masks(huge, 1, 4, 4, 4, masks, 32) == PP_OK);
    CHECK(std::count(masks, masks + 16, 1) == 16);
}

void runs_are_written_as_coco_writes_them() {
    const std::uint32_t runs[] = {8, 3, 3, 3, 3, 3, 7};  // pycocotools gives the same text
    char text[49];
    std::size_t size = 0;
    CHECK(pp_rle_string(runs, 7, text, 49, &size) == PP_OK);
    CHECK(std::string(text, size) == "8330004");
    const std::uint32_t large[] = {4294967295u};
    CHECK(pp_rle_string(large, 1, text, 3, &size) == PP_ERROR_CAPACITY && size == 7);
}

}  // namespace

int main() {
    contours_start_around_the_peaks_and_stay_on_the_map();
    boxes_become_diamonds_and_octagons();
    a_contour_moves_to_the_origin_and_is_boxed();
    a_zigzag_goes_back();
    run_lengths_are_those_of_the_mask();
    a_square_fills_its_pixels_and_odd_contours_nothing();
    runs_are_written_as_coco_writes_them();
    return check_failures() != 0;
}
