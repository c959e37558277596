/// Boxes of persons for networks that see one at a time: postprocess/boxes.py.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "image.h"
#include "person.h"

namespace surgery {

/// The boxes; throws an InputError for one without area or wholly outside of the image.
std::vector<Box> checked_boxes(std::vector<Box> boxes, const Image& image);

/// Boxes by image from a JSON file: COCO's annotations, COCO's results, or what --json printed.
class BoxFile {
  public:
    /// Throws an InputError where the file cannot be read, or is none of these.
    explicit BoxFile(const std::string& path);

    /// Boxes of an image file, found by its name, or in a list of results by its id.
    const std::vector<Box>& of(const std::string& image) const;

  private:
    std::string path_;
    std::map<std::string, std::vector<Box>> boxes_;
};

}  // namespace surgery
