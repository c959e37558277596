/// Resizing by OpenCV, the library that the Python run time calls.
#include <opencv2/imgproc.hpp>

#include "image.h"

namespace surgery {
namespace {

cv::Mat wrapped(Image& image) { return {image.height, image.width, CV_8UC3, image.bgr.data()}; }

/// OpenCV does not write to an input array.
cv::Mat wrapped(const Image& image) { return wrapped(const_cast<Image&>(image)); }

}  // namespace

Image resized(const Image& image, int height, int width, bool area) {
    Image result(height, width);
    cv::Mat target = wrapped(result);
    cv::resize(wrapped(image), target, target.size(), 0, 0,
               area ? cv::INTER_AREA : cv::INTER_LINEAR);
    return result;
}

}  // namespace surgery
