/// Parameters of a decoder read from bundle.json, each with its default.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "field.h"
#include "kernels.h"

namespace surgery {

inline std::string text_or(const Field& field, const char* key, const char* otherwise,
                           const std::vector<std::string>& among = {}) {
    return field.has(key) ? field[key].text(among) : otherwise;
}

inline float number_or(const Field& field, const char* key, float otherwise) {
    return field.has(key) ? static_cast<float>(field[key].number()) : otherwise;
}

inline std::int64_t integer_or(const Field& field, const char* key, std::int64_t otherwise,
                               std::int64_t least) {
    return field.has(key) ? field[key].integer(least) : otherwise;
}

inline bool flag_or(const Field& field, const char* key, bool otherwise) {
    return field.has(key) ? field[key].flag() : otherwise;
}

/// null and an absent key alike are no number.
inline std::optional<double> number_if(const Field& field, const char* key) {
    const bool there = field.has(key) && !field[key].null();
    return there ? std::optional(field[key].number()) : std::nullopt;
}

inline float above_zero(const Field& field, const char* key, float otherwise) {
    const float number = number_or(field, key, otherwise);
    if (!(number > 0)) {
        throw field[key].error("a number above 0");
    }
    return number;
}

inline std::int64_t odd_or(const Field& field, const char* key, std::int64_t otherwise) {
    const std::int64_t number = integer_or(field, key, otherwise, 1);
    if (number % 2 == 0) {
        throw field[key].error("an odd number");
    }
    return number;
}

/// null and an absent key alike are no name.
inline std::optional<std::string> text_if(const Field& field, const char* key) {
    const bool there = field.has(key) && !field[key].null();
    return there ? std::optional(field[key].text()) : std::nullopt;
}

/// Whether "activation" says that the sigmoid is still to be applied.
inline bool logits(const Field& field) {
    return text_or(field, "activation", "sigmoid", {"sigmoid", "none"}) == "sigmoid";
}

/// "k", "threshold" and "kernel".
inline PeakRule peak_rule(const Field& field, double threshold = PeakRule().threshold) {
    PeakRule rule;
    rule.threshold = threshold;
    rule.k = integer_or(field, "k", rule.k, 1);
    rule.kernel = odd_or(field, "kernel", rule.kernel);
    if (field.has("threshold")) {
        rule.threshold = field["threshold"].number();
        if (rule.threshold < 0 || rule.threshold > 1) {
            throw field["threshold"].error("a number from 0 to 1");
        }
    }
    return rule;
}

/// The same and "activation", for the library.
inline pp_peaks_options peaks_options(const Field& field) {
    const PeakRule rule = peak_rule(field);
    pp_peaks_options options = pp_peaks_options_default();
    options.k = static_cast<std::size_t>(rule.k);
    options.threshold = static_cast<float>(rule.threshold);
    options.logits = logits(field) ? 1 : 0;
    options.kernel = static_cast<std::size_t>(rule.kernel);
    return options;
}

}  // namespace surgery
