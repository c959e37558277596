/// Pairs of rows and columns with the largest sum of weights, each in at most one pair: what
/// SciPy's linear_sum_assignment finds.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace surgery {

/// weights[row][column], rows of one length; min(rows, columns) pairs (row, column).
std::vector<std::pair<std::size_t, std::size_t>> best_pairs(
    const std::vector<std::vector<double>>& weights);

}  // namespace surgery
