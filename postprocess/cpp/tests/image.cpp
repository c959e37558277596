// Images: means and interpolation, normalisation, placement, and the way back.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "check.h"
#include "postprocess/image.h"

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes noise(std::size_t height, std::size_t width, unsigned seed) {
    std::mt19937 random(seed);
    Bytes image(height * width * 3);
    for (std::uint8_t& value : image) value = static_cast<std::uint8_t>(random() & 255u);
    return image;
}

/// Mean of what a pixel of the small image covers, in double precision.
double mean(const Bytes& image, std::size_t height, std::size_t width, std::size_t to_height,
            std::size_t to_width, std::size_t y, std::size_t x, std::size_t channel) {
    const double rows = static_cast<double>(height) / static_cast<double>(to_height);
    const double columns = static_cast<double>(width) / static_cast<double>(to_width);
    const auto share = [](double start, double length, std::size_t i) {
        const double low = std::max(start, static_cast<double>(i));
        return std::max(0.0, std::min(start + length, static_cast<double>(i) + 1.0) - low);
    };
    double total = 0.0;
    for (std::size_t v = 0; v < height; ++v) {
        for (std::size_t u = 0; u < width; ++u) {
            total += share(static_cast<double>(y) * rows, rows, v) *
                     share(static_cast<double>(x) * columns, columns, u) *
                     image[(v * width + u) * 3 + channel];
        }
    }
    return total / (rows * columns);
}

void shrinking_takes_means() {
    const std::size_t sides[][4] = {{9, 13, 4, 5}, {8, 8, 4, 4}, {600, 3, 2, 2}, {5, 7, 5, 3}};
    for (const auto& side : sides) {
        const Bytes image = noise(side[0], side[1], 1);
        Bytes small(side[2] * side[3] * 3);
        CHECK(pp_resize(image.data(), 1, side[0], side[1], side[2], side[3], small.data(),
                        small.size()) == PP_OK);
        for (std::size_t i = 0; i < small.size(); ++i) {
            const double expected = mean(image, side[0], side[1], side[2], side[3], i / 3 / side[3],
                                         i / 3 % side[3], i % 3);
            // half a level, and float rounding
            CHECK(std::fabs(small[i] - expected) <= 0.51);
        }
    }
}

void growing_keeps_corners_and_stays_between() {
    const Bytes image = noise(2, 2, 2);
    Bytes large(5 * 7 * 3);
    CHECK(pp_resize(image.data(), 1, 2, 2, 5, 7, large.data(), large.size()) == PP_OK);
    for (std::size_t c = 0; c < 3; ++c) {
        CHECK(large[c] == image[c]);
        CHECK(large[(4 * 7 + 6) * 3 + c] == image[9 + c]);
        const int low =
            std::min(std::min(image[c], image[3 + c]), std::min(image[6 + c], image[9 + c]));
        const int high =
            std::max(std::max(image[c], image[3 + c]), std::max(image[6 + c], image[9 + c]));
        for (std::size_t i = c; i < large.size(); i += 3) {
            CHECK(large[i] >= low && large[i] <= high);
        }
    }
}

void an_image_is_placed_on_normalised_black() {
    const Bytes image(2 * 4 * 3, 255);
    const pp_normalization rule = {1, 1.0f / 255.0f, {0.5f, 0.25f, 0.0f}, {0.5f, 1.0f, 2.0f}};
    std::vector<float> tensor(3 * 16);
    pp_placement place;
    CHECK(pp_preprocess(image.data(), 1, 2, 4, 4, 4, PP_RESIZE_LETTERBOX, &rule, tensor.data(),
                        tensor.size(), &place) == PP_OK);
    CHECK(place.top == 1 && place.left == 0 && place.height == 2 && place.width == 4);
    CHECK(tensor[0] == -1.0f && tensor[5] == 1.0f && tensor[16] == -0.25f &&
          tensor[32 + 5] == 0.5f);
    const float there[] = {4.0f, 3.0f};
    float back[2];
    pp_affine inverse;
    CHECK(pp_invert_affine(&place.to_network, &inverse) == PP_OK);
    CHECK(pp_move_points(there, 1, &inverse, back, 2) == PP_OK);
    CHECK(back[0] == 4.0f && back[1] == 2.0f);
}

void channels_may_be_swapped() {
    const Bytes pixel = {10, 20, 30};
    const pp_normalization rule = {1, 1.0f, {0.0f, 0.0f, 0.0f}, {1.0f, 1.0f, 1.0f}};
    float values[3];
    CHECK(pp_normalize(pixel.data(), 1, 1, 1, &rule, values, 3) == PP_OK);
    CHECK(values[0] == 30.0f && values[1] == 20.0f && values[2] == 10.0f);
}

void the_box_of_a_person_fills_the_input() {
    const double box[] = {10, 20, 30, 60};
    for (const int udp : {0, 1}) {
        pp_affine matrix;
        CHECK(pp_person_affine(box, 128, 96, 1.25, udp, &matrix) == PP_OK);
        const float middle[] = {20.0f, 40.0f};
        float there[2];
        CHECK(pp_move_points(middle, 1, &matrix, there, 2) == PP_OK);
        CHECK(there[0] == (udp ? 47.5f : 48.0f) && there[1] == (udp ? 63.5f : 64.0f));
    }
}

void the_warp_of_a_person_solves_for_float_points() {
    // at -O3 GCC 12 left their rounding out: 154.533309 is not a float
    const double box[] = {0.0, 150.5333088628895, 8.0, 158.5333088628895};
    pp_affine matrix;
    CHECK(pp_person_affine(box, 2, 2, 1.0, 0, &matrix) == PP_OK);
    CHECK(matrix.m[3] == 0.0 && matrix.m[4] == 0.25 &&
          matrix.m[5] == 1.0 - 0.25 * 154.53330993652344);
}

void a_warp_moves_pixels_and_mixes_between_them() {
    const Bytes image = noise(4, 5, 3);
    const auto at = [&](std::size_t y, std::size_t x, std::size_t c) {
        return image[(y * 5 + x) * 3 + c];
    };
    Bytes warped(4 * 5 * 3);
    const pp_affine shift = {{1, 0, 1, 0, 1, -2}};  // right by one, up by two
    CHECK(pp_warp(image.data(), 1, 4, 5, &shift, 4, 5, warped.data(), warped.size()) == PP_OK);
    const pp_affine half = {{1, 0, -0.5, 0, 1, 0}};
    Bytes between(4 * 5 * 3);
    CHECK(pp_warp(image.data(), 1, 4, 5, &half, 4, 5, between.data(), between.size()) == PP_OK);
    for (std::size_t y = 0; y < 4; ++y) {
        for (std::size_t x = 0; x < 5; ++x) {
            for (std::size_t c = 0; c < 3; ++c) {
                const bool inside = x >= 1 && y + 2 < 4;
                CHECK(warped[(y * 5 + x) * 3 + c] == (inside ? at(y + 2, x - 1, c) : 0));
                const double right = x + 1 < 5 ? at(y, x + 1, c) : 0;
                CHECK(std::fabs(between[(y * 5 + x) * 3 + c] - (at(y, x, c) + right) / 2) <= 0.5);
            }
        }
    }
}

void bad_calls_are_told() {
    const std::uint8_t image[3] = {1, 2, 3};
    const pp_normalization rule = {0, 1.0f, {0, 0, 0}, {1, 0, 1}};
    std::uint8_t small[3];
    float tensor[3];
    pp_placement place;
    CHECK(pp_resize(image, 1, 1, 1, 0, 1, small, 3) == PP_ERROR_SHAPE);
    CHECK(pp_resize(image, 1, 1, 1, 1, 1, small, 2) == PP_ERROR_CAPACITY);
    CHECK(pp_normalize(image, 1, 1, 1, &rule, tensor, 3) == PP_ERROR_PARAMETER);
    CHECK(pp_normalize(image, 1, 1, 1, nullptr, tensor, 3) == PP_ERROR_NULL);
    CHECK(pp_place(1, 1, 1, 1, 7, &place) == PP_ERROR_PARAMETER);
    const pp_affine flat = {{1, 2, 0, 2, 4, 0}};
    pp_affine inverse;
    CHECK(pp_invert_affine(&flat, &inverse) == PP_ERROR_PARAMETER);
    CHECK(pp_warp(image, 1, 1, 1, &flat, 1, 1, small, 3) == PP_ERROR_PARAMETER);
    CHECK(pp_warp(image, 1, 1, 1, nullptr, 1, 1, small, 3) == PP_ERROR_NULL);
}

}  // namespace

int main() {
    shrinking_takes_means();
    growing_keeps_corners_and_stays_between();
    an_image_is_placed_on_normalised_black();
    channels_may_be_swapped();
    the_box_of_a_person_fills_the_input();
    the_warp_of_a_person_solves_for_float_points();
    a_warp_moves_pixels_and_mixes_between_them();
    bad_calls_are_told();
    return check_failures() != 0;
}
