/// Latency by stage over many images, and the memory that the process holds.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "stopwatch.h"

namespace surgery {

class Latency {
  public:
    /// Add one image's stages.
    void add(const Stopwatch& watch);

    std::size_t runs() const { return totals_.size(); }

    /// A table: stage, median and 95th percentile in milliseconds, the total last. A stage in which
    /// no time was spent is left out.
    std::string table() const;

  private:
    std::array<std::vector<double>, kStageNames.size()> milliseconds_;
    std::vector<double> totals_;
};

/// Value below which the share `rank` of the values lies, between neighbours as numpy.percentile.
double percentile(std::vector<double> values, double rank);

/// "resident memory 123.4 MB (peak 130.0 MB)"; empty where the system does not tell.
std::string memory_line();

}  // namespace surgery
