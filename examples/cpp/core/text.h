/// Pieces of messages: numbers in groups of three, shapes, lists of names.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace surgery {

/// 786432 -> "786,432".
inline std::string grouped(std::int64_t number) {
    std::string digits = std::to_string(number);
    const auto first = digits.front() == '-' ? 1 : 0;
    for (auto at = static_cast<std::int64_t>(digits.size()) - 3; at > first; at -= 3) {
        digits.insert(static_cast<std::size_t>(at), ",");
    }
    return digits;
}

/// {"a", "b"} -> "a, b"; "none" without a name.
inline std::string listed(const std::vector<std::string>& names, const char* between = ", ") {
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : between) + name;
    }
    return text.empty() ? "none" : text;
}

/// {1, 3, 512, 512} -> "(1,3,512,512)".
inline std::string shown(const std::vector<std::int64_t>& shape) {
    std::string text;
    for (const std::int64_t side : shape) {
        text += (text.empty() ? "" : ",") + std::to_string(side);
    }
    return "(" + text + ")";
}

}  // namespace surgery
