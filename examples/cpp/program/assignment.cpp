#include "assignment.h"

#include <limits>

namespace surgery {
namespace {

using Costs = std::vector<std::vector<double>>;

/// The Hungarian method by shortest augmenting paths (Jonker and Volgenant, "A Shortest Augmenting
/// Path Algorithm for Dense and Sparse Linear Assignment Problems", Computing 38, 1987). At least
/// as many columns as rows; gives the column of each row. Row and column 0 are the method's own.
std::vector<std::size_t> columns_of_rows(const Costs& costs) {
    const std::size_t rows = costs.size();
    const std::size_t columns = rows == 0 ? 0 : costs[0].size();
    std::vector<double> row_price(rows + 1);
    std::vector<double> column_price(columns + 1);
    std::vector<std::size_t> row_of(columns + 1);
    for (std::size_t row = 1; row <= rows; ++row) {
        std::vector<double> shortest(columns + 1, std::numeric_limits<double>::infinity());
        std::vector<std::size_t> before(columns + 1);
        std::vector<bool> done(columns + 1);
        std::size_t column = 0;
        row_of[0] = row;
        while (row_of[column] != 0) {
            done[column] = true;
            const std::size_t from = row_of[column];
            double step = std::numeric_limits<double>::infinity();
            std::size_t next = 0;
            for (std::size_t j = 1; j <= columns; ++j) {
                if (done[j]) {
                    continue;
                }
                const double reduced = costs[from - 1][j - 1] - row_price[from] - column_price[j];
                if (reduced < shortest[j]) {
                    shortest[j] = reduced;
                    before[j] = column;
                }
                if (shortest[j] < step) {
                    step = shortest[j];
                    next = j;
                }
            }
            for (std::size_t j = 0; j <= columns; ++j) {
                if (done[j]) {
                    row_price[row_of[j]] += step;
                    column_price[j] -= step;
                } else {
                    shortest[j] -= step;
                }
            }
            column = next;
        }
        for (; column != 0; column = before[column]) {
            row_of[column] = row_of[before[column]];
        }
    }
    std::vector<std::size_t> result(rows);
    for (std::size_t j = 1; j <= columns; ++j) {
        if (row_of[j] != 0) {
            result[row_of[j] - 1] = j - 1;
        }
    }
    return result;
}

}  // namespace

std::vector<std::pair<std::size_t, std::size_t>> best_pairs(
    const std::vector<std::vector<double>>& weights) {
    const std::size_t rows = weights.size();
    const std::size_t columns = rows == 0 ? 0 : weights[0].size();
    const bool turned = rows > columns;
    Costs costs(turned ? columns : rows, std::vector<double>(turned ? rows : columns));
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t column = 0; column < columns; ++column) {
            (turned ? costs[column][row] : costs[row][column]) = -weights[row][column];
        }
    }
    std::vector<std::pair<std::size_t, std::size_t>> pairs;
    const std::vector<std::size_t> others = columns_of_rows(costs);
    for (std::size_t i = 0; i < others.size(); ++i) {
        pairs.emplace_back(turned ? others[i] : i, turned ? i : others[i]);
    }
    return pairs;
}

}  // namespace surgery
