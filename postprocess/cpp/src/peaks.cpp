// Peaks of class heatmaps.
//
// One pass over memory: a row whose largest value is below the bound is done with after one vector
// maximum. The bound starts at the threshold, taken back through the sigmoid once, and rises to the
// k-th best peak so far. Rows that reach it get a separable window maximum, and only what is left
// after that pays for a sigmoid.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "boundary.h"
#include "non_finite.h"
#include "postprocess/decode.h"
#include "row_kernels.h"
#include "sigmoid.h"
#include "top_k.h"

namespace pp {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

class PeakFinder {
  public:
    PeakFinder(std::size_t classes, std::size_t height, std::size_t width,
               const pp_peaks_options& options)
        : kernels_(row_kernels()),
          classes_(classes),
          height_(height),
          width_(width),
          radius_(std::min(options.kernel / 2, std::max(height, width))),
          options_(options),
          infinity_(options.logits ? kInfinity : 1.0f),
          above_(width + 2 * radius_, -kInfinity),
          columns_(width) {}

    void find(const float* image, TopK* best, pp_non_finite* non_finite) {
        for (std::size_t c = 0; c < classes_; ++c) {
            const float* map = image + c * height_ * width_;
            for (std::size_t y = 0; y < height_; ++y) {
                const float* row = map + y * width_;
                const RowSummary summary = kernels_.summary(row, width_);
                if (!summary.finite) count_non_finite(row, width_, non_finite);
                if (summary.largest >= best->bound()) {
                    find_in_row(map, y, (c * height_ + y) * width_, best);
                }
            }
        }
    }

  private:
    void find_in_row(const float* map, std::size_t y, std::size_t first_index, TopK* best) {
        float* above = above_.data() + radius_;
        std::fill(above, above + width_, -kInfinity);
        const std::size_t from = y > radius_ ? y - radius_ : 0;
        const std::size_t to = std::min(height_ - 1, y + radius_);
        for (std::size_t near = from; near <= to; ++near) {
            kernels_.raise(above, map + near * width_, width_, infinity_);
        }
        const float* row = map + y * width_;
        const std::size_t count =
            kernels_.peaks(row, above, width_, radius_, best->bound(), infinity_, columns_.data());
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t x = columns_[i];
            const float value = row[x] == kInfinity ? infinity_ : row[x];
            if (value < best->bound()) continue;  // the bound may have risen within this row
            const float score = probability(value, options_.logits != 0);
            if (score >= options_.threshold) best->push({score, value, first_index + x});
        }
    }

    const RowKernels& kernels_;
    std::size_t classes_, height_, width_, radius_;
    pp_peaks_options options_;
    float infinity_;            // what +inf counts as
    std::vector<float> above_;  // maximum over the rows of the window, padded on both sides
    std::vector<std::size_t> columns_;
};

}  // namespace
}  // namespace pp

extern "C" {

pp_peaks_options pp_peaks_options_default(void) { return {100, 0.05f, 1, 3}; }

pp_status pp_peaks(const float* heatmap, size_t batch, size_t classes, size_t height, size_t width,
                   const pp_peaks_options* options, float* scores, int64_t* class_ids, int64_t* xs,
                   int64_t* ys, size_t capacity, size_t* counts, pp_non_finite* non_finite) {
    const pp_peaks_options chosen = options ? *options : pp_peaks_options_default();
    if (chosen.kernel % 2 == 0 || std::isnan(chosen.threshold)) return PP_ERROR_PARAMETER;
    size_t values, needed;
    if (!pp::product({batch, classes, height, width}, &values) ||
        !pp::product({batch, chosen.k}, &needed)) {
        return PP_ERROR_SHAPE;
    }
    if ((values && !heatmap) || (batch && !counts)) return PP_ERROR_NULL;
    if (needed && (!scores || !class_ids || !xs || !ys)) return PP_ERROR_NULL;
    if (capacity < needed) return PP_ERROR_CAPACITY;
    if (values == 0) {  // the sides of an empty map may be of any size
        if (batch) std::fill_n(counts, batch, size_t{0});
        if (non_finite) *non_finite = {0, 0, 0};
        return PP_OK;
    }

    return pp::guarded([&] {
        pp_non_finite seen = {0, 0, 0};
        const size_t image_size = values / batch;
        pp::PeakFinder finder(classes, height, width, chosen);
        for (size_t image = 0; image < batch; ++image) {
            const bool logits = chosen.logits != 0;
            const float bound =
                chosen.k ? pp::lowest_value(chosen.threshold, logits) : pp::kInfinity;
            pp::TopK best(chosen.k, bound);
            finder.find(heatmap + image * image_size, &best, &seen);
            size_t at = image * chosen.k;
            const std::vector<pp::Peak>& found = best.sorted();
            counts[image] = found.size();
            for (const pp::Peak& peak : found) {
                scores[at] = peak.score;
                class_ids[at] = static_cast<int64_t>(peak.index / (height * width));
                ys[at] = static_cast<int64_t>(peak.index / width % height);
                xs[at] = static_cast<int64_t>(peak.index % width);
                ++at;
            }
        }
        if (non_finite) *non_finite = seen;
        return PP_OK;
    });
}

}  // extern "C"
