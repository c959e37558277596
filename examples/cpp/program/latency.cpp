#include "latency.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <numeric>

namespace surgery {
namespace {

std::string row(const char* name, const std::vector<double>& values) {
    std::array<char, 80> text{};
    std::snprintf(text.data(), text.size(), "%-12s %10.2f %10.2f\n", name, percentile(values, 0.5),
                  percentile(values, 0.95));
    return text.data();
}

}  // namespace

void Latency::add(const Stopwatch& watch) {
    const auto& spent = watch.milliseconds();
    for (std::size_t i = 0; i < spent.size(); ++i) {
        milliseconds_[i].push_back(spent[i]);
    }
    totals_.push_back(std::accumulate(spent.begin(), spent.end(), 0.0));
}

std::string Latency::table() const {
    std::string text = "stage         median ms     p95 ms   (" + std::to_string(totals_.size()) +
                       (totals_.size() == 1 ? " run)\n" : " runs)\n");
    for (std::size_t i = 0; i < kStageNames.size(); ++i) {
        if (percentile(milliseconds_[i], 1) > 0) {
            text += row(kStageNames[i], milliseconds_[i]);
        }
    }
    return text + row("total", totals_);
}

double percentile(std::vector<double> values, double rank) {
    if (values.empty()) {
        return 0;
    }
    std::sort(values.begin(), values.end());
    const double place = rank * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (place - std::floor(place)) * (values[above] - values[below]);
}

std::string memory_line() {
    std::ifstream status("/proc/self/status");
    double resident = 0;
    double peak = 0;
    for (std::string key; status >> key;) {
        if (key == "VmRSS:") {
            status >> resident;
        } else if (key == "VmHWM:") {
            status >> peak;
        }
    }
    if (resident == 0) {
        return "";
    }
    std::array<char, 80> text{};
    std::snprintf(text.data(), text.size(), "resident memory %.1f MB (peak %.1f MB)\n",
                  resident * 1024 / 1e6, peak * 1024 / 1e6);
    return text.data();
}

}  // namespace surgery
