/// Dense float32 arrays on their way into a graph (TensorView) and out of one (Tensor).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace surgery {

using Shape = std::vector<std::int64_t>;

/// Number of elements of a shape.
inline std::size_t elements(const Shape& shape) {
    return static_cast<std::size_t>(std::accumulate(shape.begin(), shape.end(), std::int64_t{1},
                                                    std::multiplies<std::int64_t>()));
}

/// An array that somebody else owns; valid as long as its owner.
struct TensorView {
    Shape shape;
    const float* data = nullptr;

    std::size_t size() const { return elements(shape); }
    std::int64_t side(std::size_t axis) const { return shape[axis]; }
};

/// An array together with the one owner of its memory, which may be a vector or a value of a run
/// time (Ort::Value, cv::Mat): outputs of a graph are handed on without a copy. It moves and does
/// not copy, as its owner may not be copyable.
class Tensor {
  public:
    Tensor() = default;

    Tensor(Shape shape, std::vector<float> values) {
        auto owner = std::make_unique<Holder<std::vector<float>>>(std::move(values));
        view_ = {std::move(shape), owner->value.data()};
        owner_ = std::move(owner);
    }

    /// Take over `owner`, whose memory at `data` holds the array; moving it may not move the data.
    template <typename Owner>
    static Tensor adopt(Shape shape, const float* data, Owner owner) {
        Tensor tensor;
        tensor.view_ = {std::move(shape), data};
        tensor.owner_ = std::make_unique<Holder<Owner>>(std::move(owner));
        return tensor;
    }

    const TensorView& view() const { return view_; }
    const Shape& shape() const { return view_.shape; }
    const float* data() const { return view_.data; }
    std::size_t size() const { return view_.size(); }

  private:
    struct AnyOwner {
        virtual ~AnyOwner() = default;
    };
    template <typename Owner>
    struct Holder : AnyOwner {
        explicit Holder(Owner given) : value(std::move(given)) {}
        Owner value;
    };

    TensorView view_;
    std::unique_ptr<AnyOwner> owner_;
};

using Feeds = std::map<std::string, TensorView>;
using Tensors = std::map<std::string, Tensor>;

}  // namespace surgery
