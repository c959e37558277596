/// Bilinear warps: the library's pp_warp, which is cv::warpAffine of OpenCV 5 to the bit where the
/// width is a multiple of 16. Earlier versions of OpenCV round positions to 1/32 of a pixel.
#include "image.h"
#include "kernels.h"

namespace surgery {

Image warped(const Image& image, const pp_affine& matrix, int height, int width) {
    Image result(height, width);
    const auto side = [](int length) { return static_cast<std::size_t>(length); };
    expect_ok(pp_warp(image.bgr.data(), 1, side(image.height), side(image.width), &matrix,
                      side(height), side(width), result.bgr.data(), result.bgr.size()),
              "warp");
    return result;
}

}  // namespace surgery
