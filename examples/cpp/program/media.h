/// Images and videos on disk, by OpenCV.
#pragma once

#include <memory>
#include <opencv2/videoio.hpp>
#include <optional>
#include <string>
#include <vector>

#include "image.h"

namespace surgery {

/// A file as it is; the images and videos of a folder, sorted, not those below. Throws an
/// InputError for a folder without any.
std::vector<std::string> find_media(const std::string& given);

bool is_video(const std::string& path);

/// Turned upright as the EXIF entry says; throws an InputError for what is not an image.
Image read_image(const std::string& path);

/// The file appears whole or not at all.
void write_image(const std::string& path, const Image& image);

struct Frame {
    std::size_t index = 0;  // its place in the video; broken frames count
    double seconds = 0;     // when it is shown; grows from frame to frame
    Image image;
};

/// Frames of a video. The next frame is decoded on another thread while this one is worked on.
class Frames {
  public:
    explicit Frames(const std::string& path);
    ~Frames();
    Frames(const Frames&) = delete;
    Frames& operator=(const Frames&) = delete;

    /// The next frame that can be decoded; nothing at the end.
    std::optional<Frame> next();

    double frames_per_second() const;
    int broken() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Writes an .mp4 that appears under its name once it is whole.
class VideoFile {
  public:
    VideoFile(std::string path, double frames_per_second);
    void write(const Image& frame);
    void finish();

  private:
    std::string path_;
    double rate_;
    cv::VideoWriter writer_;
};

}  // namespace surgery
