/// surgery-run BUNDLE IMAGE...: a bundle and photos in, contours or keypoints out.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <set>

#include "boxes.h"
#include "detector.h"
#include "draw.h"
#include "files.h"
#include "golden.h"
#include "latency.h"
#include "media.h"
#include "options.h"
#include "result.h"
#include "runtime.h"
#include "smoothing.h"
#include "tracking.h"

#ifdef SURGERY_OPENCV_DNN
#include "opencv_graph.h"
#endif

namespace surgery {
namespace {

OpenGraph backend(const std::string& bundle, const Options& options) {
#if defined(SURGERY_OPENCV_DNN) && defined(SURGERY_ONNXRUNTIME)
    return options.backend == "opencv" ? opencv_backend(bundle, options.session.threads)
                                       : onnxruntime_backend(bundle, options.session);
#elif defined(SURGERY_OPENCV_DNN)
    return opencv_backend(bundle, options.session.threads);
#else
    return onnxruntime_backend(bundle, options.session);
#endif
}

Runtime load(const Options& options) {
    nlohmann::json threshold;
    if (options.threshold) {
        threshold = *options.threshold;
    }
    Bundle bundle = read_bundle(options.bundle, options.verify);
    if (!options.refine) {
        bundle.graphs.erase("refine");
    }
    return {std::move(bundle), backend(options.bundle, options), threshold, options.flip_test};
}

std::optional<Detector> load_detector(const Options& options, const Bundle& bundle) {
    if (options.detector.empty()) {
        return std::nullopt;
    }
    Runtime runtime(read_bundle(options.detector, true), backend(options.detector, options));
    return Detector(std::move(runtime), options.detector, bundle.classes);
}

/// The images and videos of the command line, one after another.
class Program {
  public:
    explicit Program(Options options)
        : options_(std::move(options)),
          runtime_(load(options_)),
          detector_(load_detector(options_, runtime_.bundle())) {
        if (!options_.boxes.empty()) {
            boxes_.emplace(options_.boxes);
        }
        if (!options_.out.empty()) {
            std::error_code error;
            std::filesystem::create_directories(options_.out, error);
            if (error) {
                throw InputError("--out " + options_.out +
                                 ": cannot be a folder: " + error.message());
            }
        }
    }

    int run() {
        if (options_.check) {
            const GoldenCheck check = check_golden(options_.bundle, runtime_);
            std::cout << check.table;
            failed_ = !check.good;
        }
        for (const std::string& given : options_.inputs) {
            guarded([&] {
                for (const std::string& path : find_media(given)) {
                    guarded([&] { is_video(path) ? video(path) : photo(path); });
                }
            });
        }
        if (latency_.runs() != 0) {
            (options_.json ? std::cerr : std::cout) << latency_.table() << memory_line();
        }
        return failed_ ? 1 : 0;
    }

  private:
    template <typename Work>
    void guarded(Work work) {
        try {
            work();
        } catch (const InputError& error) {
            failed_ = true;
            std::cerr << "error: " << error.what() << std::endl;
        }
    }

    void photo(const std::string& path) {
        const Image image = read_image(path);
        Image drawn;
        const Instances found = work(
            path, image, [](Instances&) {}, drawn);
        std::string written;
        if (!options_.out.empty()) {
            written = target(path, ".png");
            write_image(written, drawn);
        }
        if (options_.json) {
            std::cout << to_json(path, found, runtime_.bundle().classes).dump() << std::endl;
        } else {
            say(path, found, written);
        }
    }

    void video(const std::string& path) {
        if (boxes_) {
            throw InputError(
                "--boxes is for images; use --detector to find the persons of a video");
        }
        Frames frames(path);
        std::optional<VideoFile> file;
        if (!options_.out.empty()) {
            file.emplace(target(path, ".mp4"), frames.frames_per_second());
        }
        Tracker track(options_.threshold.value_or(kDrawnScore));
        KeypointSmoother smooth(options_.smooth);
        std::size_t count = 0;
        for (; const std::optional<Frame> frame = frames.next(); ++count) {
            const auto follow = [&](Instances& found) {
                track(found, frame->index);
                smooth(found, frame->seconds);
            };
            Image drawn;
            const Instances found = work(path, frame->image, follow, drawn);
            if (file) {
                file->write(drawn);
            }
            if (options_.json) {
                nlohmann::ordered_json line = to_json(path, found, runtime_.bundle().classes);
                line["frame"] = frame->index;
                std::cout << line.dump() << '\n';
            }
        }
        if (file) {
            file->finish();
        }
        (options_.json ? std::cerr : std::cout)
            << path << ": " << count << " frames, " << track.started() << " tracks, "
            << frames.broken() << " broken frames skipped" << std::endl;
    }

    /// Run one image --repeat times. `follow` is given what was found; `drawn` is filled where
    /// overlays are wanted.
    template <typename Follow>
    Instances work(const std::string& path, const Image& image, Follow follow, Image& drawn) {
        Instances found;
        std::set<std::string> warnings;
        for (int i = 0; i < options_.repeat; ++i) {
            Stopwatch watch;
            std::vector<std::string> said;
            found = find(path, image, watch, said);
            warnings.insert(said.begin(), said.end());
            if (i + 1 == options_.repeat) {
                follow(found);
            }
            if (!options_.out.empty()) {
                const Stopwatch::Scope scope(watch, Stage::draw);
                const double least = options_.threshold.value_or(kDrawnScore);
                drawn = overlay(image, found, runtime_.bundle(), static_cast<float>(least));
            }
            latency_.add(watch);
        }
        for (const std::string& warning : warnings) {
            std::cerr << "warning: " << warning << std::endl;
        }
        return found;
    }

    Instances find(const std::string& path, const Image& image, Stopwatch& watch,
                   std::vector<std::string>& warnings) const {
        if (boxes_) {
            const std::vector<Box> boxes = checked_boxes(boxes_->of(path), image);
            return runtime_.persons(image, boxes, watch, warnings);
        }
        if (detector_) {
            return runtime_.persons(image, (*detector_)(image, watch, warnings), watch, warnings);
        }
        return runtime_(image, watch, warnings);
    }

    /// For people: "photo.jpg: 3 instances, best 0.91 (dog) -> out/photo.png".
    void say(const std::string& path, const Instances& found, const std::string& written) const {
        std::cout << path << ": " << (found.empty() ? "no" : std::to_string(found.size()))
                  << (found.size() == 1 ? " instance" : " instances");
        if (!found.empty()) {
            char score[16];
            std::snprintf(score, sizeof score, "%.2f", static_cast<double>(found[0].score));
            std::cout << ", best " << score << " (" << label_of(found[0], runtime_.bundle().classes)
                      << ")";
        }
        std::cout << (written.empty() ? "" : " -> " + written) << std::endl;
    }

    /// DIR/NAME.suffix; a name that came before gets a number.
    std::string target(const std::string& path, const char* suffix) {
        const std::string stem = std::filesystem::path(path).stem().string();
        std::string name = stem + suffix;
        for (int number = 2; !names_.insert(name).second; ++number) {
            name = stem + "_" + std::to_string(number) + suffix;
        }
        return (std::filesystem::path(options_.out) / name).string();
    }

    Options options_;
    Runtime runtime_;
    std::optional<Detector> detector_;
    std::optional<BoxFile> boxes_;
    Latency latency_;
    std::set<std::string> names_;
    bool failed_ = false;
};

}  // namespace
}  // namespace surgery

int main(int count, char** arguments) {
    try {
        const surgery::Options options = surgery::parse_options({arguments + 1, arguments + count});
        if (options.help) {
            std::cout << surgery::usage();
            return 0;
        }
        return surgery::Program(options).run();
    } catch (const std::exception& error) {
        std::cerr << "error: " << error.what() << std::endl;
        return 1;
    }
}
