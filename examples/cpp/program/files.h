/// A bundle's files: bundle.json, and the others against the hashes that it lists.
#pragma once

#include <filesystem>

#include "bundle.h"

namespace surgery {

/// Read the bundle in a folder. Throws an InputError for a folder that holds none, a field that is
/// not as expected, and a file that is missing or, with `hashes`, was changed.
Bundle read_bundle(const std::filesystem::path& folder, bool hashes);

}  // namespace surgery
