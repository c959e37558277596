/// golden.npz: the bundle's own example, stage by stage.
#pragma once

#include <filesystem>
#include <string>

#include "runtime.h"

namespace surgery {

struct GoldenCheck {
    std::string table;  // largest difference by stage and what it may be
    bool good = true;
};

/// Run the image of `folder`/golden.npz and compare every stage with what the file holds.
GoldenCheck check_golden(const std::filesystem::path& folder, const Runtime& runtime);

}  // namespace surgery
