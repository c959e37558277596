#include "media.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <future>
#include <opencv2/imgcodecs.hpp>

#include "error.h"

namespace surgery {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kImages = {".bmp", ".jpeg", ".jpg", ".png",
                                          ".tif", ".tiff", ".webp"};
const std::vector<std::string> kVideos = {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"};

bool has_suffix(const std::string& path, const std::vector<std::string>& suffixes) {
    std::string suffix = fs::path(path).extension().string();
    std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    return std::find(suffixes.begin(), suffixes.end(), suffix) != suffixes.end();
}

Image copied(const cv::Mat& mat) {
    Image image(mat.rows, mat.cols);
    mat.copyTo(cv::Mat(mat.rows, mat.cols, CV_8UC3, image.bgr.data()));
    return image;
}

/// OpenCV reads from it alone.
cv::Mat wrapped(const Image& image) {
    return {image.height, image.width, CV_8UC3, const_cast<std::uint8_t*>(image.bgr.data())};
}

/// Beside `path`, with its suffix, by which OpenCV knows the format.
std::string temporary(const std::string& path) {
    const fs::path given(path);
    return (given.parent_path() / ("." + given.stem().string() + ".part")).string() +
           given.extension().string();
}

void rename(const std::string& from, const std::string& to) {
    std::error_code error;
    fs::rename(from, to, error);
    if (error) {
        throw InputError(to + ": cannot be written: " + error.message());
    }
}

}  // namespace

std::vector<std::string> find_media(const std::string& given) {
    if (!fs::is_directory(given)) {
        return {given};
    }
    std::vector<std::string> found;
    for (const fs::directory_entry& entry : fs::directory_iterator(given)) {
        const std::string path = entry.path().string();
        if (has_suffix(path, kImages) || has_suffix(path, kVideos)) {
            found.push_back(path);
        }
    }
    if (found.empty()) {
        throw InputError(given + ": no image and no video there");
    }
    std::sort(found.begin(), found.end());
    return found;
}

bool is_video(const std::string& path) { return has_suffix(path, kVideos); }

Image read_image(const std::string& path) {
    if (!fs::is_regular_file(path)) {
        throw InputError(path + ": cannot be read: no such file");
    }
    cv::Mat image;
    try {
        image = cv::imread(path, cv::IMREAD_COLOR);
    } catch (const cv::Exception& error) {
        throw InputError(path + ": OpenCV cannot decode it: " + error.err);
    }
    if (image.empty()) {
        throw InputError(path + ": not an image that OpenCV can decode");
    }
    return copied(image);
}

void write_image(const std::string& path, const Image& image) {
    const std::string part = temporary(path);
    if (!cv::imwrite(part, wrapped(image))) {
        throw InputError(path + ": cannot be written");
    }
    rename(part, path);
}

struct Frames::State {
    cv::VideoCapture capture;
    std::future<std::optional<Frame>> ahead;
    int broken = 0;
    std::int64_t index = 0;
    double seconds = -1;

    double rate() const {
        constexpr double kUsual = 25;  // where the file does not say
        const double said = capture.get(cv::CAP_PROP_FPS);
        return said > 0 && said < 1000 ? said : kUsual;
    }

    std::optional<Frame> read() {
        constexpr int kMostBroken = 100;      // in a row; beyond it the file is taken to have ended
        constexpr std::int64_t kInexact = 1;  // a container's own count may be too large by this
        const auto count =
            static_cast<std::int64_t>(std::max(0.0, capture.get(cv::CAP_PROP_FRAME_COUNT)));
        for (int failed = 0; failed < kMostBroken; ++index) {
            cv::Mat image;
            if (capture.read(image) && !image.empty()) {
                broken += failed;
                const double shown = capture.get(cv::CAP_PROP_POS_MSEC) / 1000;
                seconds = shown > seconds ? shown : seconds + 1 / rate();
                return Frame{static_cast<std::size_t>(index++), seconds, copied(image)};
            }
            ++failed;
            if (failed == kMostBroken || (count != 0 && index >= count)) {
                const std::int64_t missing = count - (index + 1 - failed);
                broken += missing > kInexact ? static_cast<int>(missing) : 0;
                break;
            }
        }
        return std::nullopt;
    }

    void read_ahead() {
        ahead = std::async(std::launch::async, [this] { return read(); });
    }
};

Frames::Frames(const std::string& path) : state_(std::make_unique<State>()) {
    if (!fs::is_regular_file(path) || !state_->capture.open(path)) {
        throw InputError(path + ": not a video that OpenCV can open");
    }
    state_->read_ahead();
}

Frames::~Frames() = default;

std::optional<Frame> Frames::next() {
    if (!state_->ahead.valid()) {
        return std::nullopt;
    }
    std::optional<Frame> frame = state_->ahead.get();
    if (frame) {
        state_->read_ahead();
    }
    return frame;
}

double Frames::frames_per_second() const { return state_->rate(); }

int Frames::broken() const { return state_->broken; }

VideoFile::VideoFile(std::string path, double frames_per_second)
    : path_(std::move(path)), rate_(frames_per_second) {}

void VideoFile::write(const Image& frame) {
    if (!writer_.isOpened() &&
        !writer_.open(temporary(path_), cv::VideoWriter::fourcc('m', 'p', '4', 'v'), rate_,
                      {frame.width, frame.height})) {
        throw InputError(path_ + ": OpenCV cannot write a video there");
    }
    writer_.write(wrapped(frame));
}

void VideoFile::finish() {
    if (writer_.isOpened()) {
        writer_.release();
        rename(temporary(path_), path_);
    }
}

}  // namespace surgery
