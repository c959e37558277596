/// The command line of surgery-run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "onnxruntime_graph.h"

namespace surgery {

struct Options {
    std::string bundle;
    std::vector<std::string> inputs;  // images, folders of images, videos
    std::string boxes;                // JSON file of the persons in the images; empty: none
    std::string detector;             // bundle that finds the persons; empty: none
    std::string smooth = "one-euro";  // filter over time for keypoints: kSmoothings
    std::string out;                  // folder for overlays; empty: none
    bool json = false;
    bool check = false;
    bool verify = true;
    bool refine = true;
    bool flip_test = false;
    bool help = false;
    int repeat = 1;
    std::optional<double> threshold;
    std::string backend;
    SessionSettings session;
};

/// The backends that this program was built with, the default first.
const std::vector<std::string>& backends();

/// Throws an InputError for what it does not know.
Options parse_options(const std::vector<std::string>& arguments);

std::string usage();

}  // namespace surgery
