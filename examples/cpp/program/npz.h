/// Reading numpy's .npz: a ZIP archive of .npy files, stored or deflated.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tensor.h"

namespace surgery {

/// An array of an archive, whatever its dtype, as doubles in row-major order.
struct NpyArray {
    Shape shape;
    std::vector<double> values;
};

/// Arrays by name. Takes little-endian float32, float64, int32, int64, uint8 and bool in row-major
/// order, and no Python objects; throws an InputError for a file that is not such an archive.
std::map<std::string, NpyArray> read_npz(const std::filesystem::path& path);

}  // namespace surgery
