/// Resizing without OpenCV, for the browser and the phone: the library's pp_resize, which is
/// OpenCV's to one level, and bilinear samples where an image shrinks without averaging.
#include <postprocess/decode.h>
#include <postprocess/image.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "error.h"
#include "image.h"

namespace surgery {
namespace {

/// The two pixels of an axis between which a pixel of the result lies, and the weight of the
/// second.
struct Between {
    int first;
    int second;
    double weight;
};

Between between(int index, int length, int from_length) {
    const double place = (index + 0.5) * from_length / length - 0.5;
    const double inside = std::clamp(place, 0.0, from_length - 1.0);
    const int first = static_cast<int>(inside);
    return {first, std::min(first + 1, from_length - 1), inside - first};
}

Image bilinear(const Image& image, int height, int width) {
    Image result(height, width);
    for (int y = 0; y < height; ++y) {
        const auto [top, bottom, down] = between(y, height, image.height);
        for (int x = 0; x < width; ++x) {
            const auto [left, right, across] = between(x, width, image.width);
            for (int channel = 0; channel < 3; ++channel) {
                const auto mix = [&, left = left, right = right, across = across](int row) {
                    const std::uint8_t* pixels = image.row(row) + channel;
                    return pixels[3 * left] * (1 - across) + pixels[3 * right] * across;
                };
                const double value = mix(top) * (1 - down) + mix(bottom) * down;
                result.row(y)[3 * x + channel] = static_cast<std::uint8_t>(std::nearbyint(value));
            }
        }
    }
    return result;
}

}  // namespace

Image resized(const Image& image, int height, int width, bool area) {
    if (!area && (height < image.height || width < image.width)) {
        return bilinear(image, height, width);
    }
    Image result(height, width);
    const auto side = [](int length) { return static_cast<std::size_t>(length); };
    const pp_status status =
        pp_resize(image.bgr.data(), 1, side(image.height), side(image.width), side(height),
                  side(width), result.bgr.data(), result.bgr.size());
    if (status != PP_OK) {
        throw InputError(std::string("resize: ") + pp_status_message(status));
    }
    return result;
}

}  // namespace surgery
