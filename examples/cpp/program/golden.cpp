#include "golden.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "npz.h"

namespace surgery {
namespace {

/// What a stage may differ by. Pixels may by 0.01, scores by 1e-5. A head is compared with its own
/// largest value, since the order of float32 sums differs between processors.
double allowed(const std::string& name, const NpyArray& expected) {
    if (name == "instances.scores") {
        return 1e-5;
    }
    if (name == "input" || name == "transform") {
        return 1e-5;
    }
    if (name.rfind("head.", 0) == 0) {
        double largest = 1;
        for (const double value : expected.values) {
            largest = std::max(largest, std::abs(value));
        }
        return 1e-4 * largest;
    }
    return 0.01;
}

double difference(const NpyArray& expected, const TensorView& found) {
    if (expected.shape != found.shape) {
        return std::numeric_limits<double>::infinity();
    }
    double largest = 0;
    for (std::size_t i = 0; i < expected.values.size(); ++i) {
        const double apart = std::abs(expected.values[i] - static_cast<double>(found.data[i]));
        largest = apart <= largest ? largest : apart;  // NaN wins
    }
    return std::isnan(largest) ? std::numeric_limits<double>::infinity() : largest;
}

Image image_of(const NpyArray& array) {
    if (array.shape.size() != 3 || array.shape[2] != 3) {
        throw InputError("golden.npz: 'image' expects (H, W, 3)");
    }
    Image image(static_cast<int>(array.shape[0]), static_cast<int>(array.shape[1]));
    std::transform(array.values.begin(), array.values.end(), image.bgr.begin(),
                   [](double value) { return static_cast<std::uint8_t>(value); });
    return image;
}

}  // namespace

GoldenCheck check_golden(const std::filesystem::path& folder, const Runtime& runtime) {
    const std::filesystem::path path = folder / "golden.npz";
    const std::map<std::string, NpyArray> golden = read_npz(path);
    const auto image = golden.find("image");
    if (image == golden.end()) {
        throw InputError(path.string() + ": expected an array 'image'");
    }
    Stopwatch watch;
    Tensors stages;
    std::vector<std::string> warnings;
    runtime(image_of(image->second), watch, warnings, &stages);
    GoldenCheck check;
    for (const auto& [name, expected] : golden) {
        const auto found = stages.find(name);
        const bool nothing = expected.values.empty() && found == stages.end();
        if (name == "image" || nothing) {
            continue;
        }
        const double apart = found == stages.end() ? std::numeric_limits<double>::infinity()
                                                   : difference(expected, found->second.view());
        const double most = allowed(name, expected);
        std::array<char, 120> line{};
        std::snprintf(line.data(), line.size(), "%-22s %10.3g  (at most %.1g)%s\n", name.c_str(),
                      apart, most, apart <= most ? "" : "  DIFFERS");
        check.table += line.data();
        check.good = check.good && apart <= most;
    }
    return check;
}

}  // namespace surgery
