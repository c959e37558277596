#include "person.h"

#include <algorithm>

#include "kernels.h"

namespace surgery {

pp_affine person_affine(const Box& box, int height, int width, double growth, bool udp) {
    pp_affine matrix;
    expect_ok(pp_person_affine(box.data(), static_cast<std::size_t>(height),
                               static_cast<std::size_t>(width), growth, udp ? 1 : 0, &matrix),
              "the crop of a person");
    return matrix;
}

std::array<int, 4> person_crop(const Box& box, int image_height, int image_width, int height,
                               int width, double growth) {
    const double half_height = (box[3] - box[1]) * growth / 2;
    const double half_width =
        std::max((box[2] - box[0]) * growth / 2, half_height * width / height);
    const double x = (box[0] + box[2]) / 2;
    const double y = (box[1] + box[3]) / 2;
    const int left = std::min(std::max(static_cast<int>(x - half_width), 0), image_width - 1);
    const int top = std::min(std::max(static_cast<int>(y - half_height), 0), image_height - 1);
    return {left, top, std::max(std::min(static_cast<int>(x + half_width), image_width), left + 1),
            std::max(std::min(static_cast<int>(y + half_height), image_height), top + 1)};
}

}  // namespace surgery
