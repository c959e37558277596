/// A network's outputs as a decoder wants them: found by name, channels first.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "decoder.h"
#include "field.h"

namespace surgery {

/// One head of one image as (1, C, h, w). A head whose channels come last is turned, into a copy.
class Map {
  public:
    /// Throws an InputError where there is no such head, or it has not four axes.
    Map(const Feeds& heads, const std::string& name, bool channels_last);

    const std::string& name() const { return name_; }
    const TensorView& view() const { return view_; }
    const float* data() const { return view_.data; }
    std::size_t channels() const { return side(1); }
    std::size_t height() const { return side(2); }
    std::size_t width() const { return side(3); }

  private:
    std::size_t side(std::size_t axis) const { return static_cast<std::size_t>(view_.side(axis)); }

    std::string name_;
    Tensor turned_;
    TensorView view_;
};

/// (1, C, h, w) -> (1, h, w, C).
Tensor with_channels_last(const TensorView& map);

/// Whether a decoder's "layout" is nhwc.
bool channels_last(const Field& field);

/// Refuse maps of other sizes than the first one's, or of other than the channels given with them
/// (0: any). A null pointer stands for a head that the network does not have.
void check_maps(std::initializer_list<std::pair<const Map*, std::size_t>> maps);

}  // namespace surgery
