// Numpy arrays in and out, and errors, for all binding files. Arguments are checked, and bad ones
// explained, in postprocess/decoders/*.py; here every array has its type and is C-contiguous.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <numeric>
#include <stdexcept>

#include "postprocess/decode.h"

namespace nb = nanobind;

template <int Axes>
using Input = nb::ndarray<const float, nb::ndim<Axes>, nb::c_contig, nb::device::cpu>;
template <int... Sides>  // -1 for any
using Shaped = nb::ndarray<const float, nb::shape<Sides...>, nb::c_contig, nb::device::cpu>;
using Indices = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Images =
    nb::ndarray<const std::uint8_t, nb::shape<-1, -1, -1, 3>, nb::c_contig, nb::device::cpu>;
using Runs = nb::ndarray<const std::uint32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Labels = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

/// An owned buffer that becomes a numpy array without a copy.
template <class Value>
class Output {
  public:
    explicit Output(std::size_t size) : values_(new Value[size]), size_(size) {}
    Value* data() { return values_.get(); }
    std::size_t size() const { return size_; }
    nb::ndarray<nb::numpy, Value> array(std::initializer_list<std::size_t> shape) {
        Value* values = values_.release();
        nb::capsule owner(values, [](void* p) noexcept { delete[] static_cast<Value*>(p); });
        return nb::ndarray<nb::numpy, Value>(values, shape, owner);
    }

  private:
    std::unique_ptr<Value[]> values_;
    std::size_t size_;
};

template <class Value>
nb::ndarray<nb::numpy, Value> copied(const Value* from, std::initializer_list<std::size_t> shape) {
    const std::size_t size =
        std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<std::size_t>());
    Output<Value> output(size);
    std::copy_n(from, size, output.data());
    return output.array(shape);
}

template <class Value>
nb::ndarray<nb::numpy, Value> copied(const Value* from, std::size_t count) {
    return copied(from, {count});
}

/// Run a C function without the GIL and turn a failure into an exception.
template <class Call>
void run(Call&& call) {
    pp_status status;
    {
        nb::gil_scoped_release release;
        status = call();
    }
    if (status == PP_ERROR_MEMORY) throw std::bad_alloc();
    if (status != PP_OK) throw std::invalid_argument(pp_status_message(status));
}

/// Refuse arrays whose sizes do not fit together.
inline void require(bool fits) {
    if (!fits) throw std::invalid_argument("arrays of other sizes were expected");
}

inline nb::tuple counts_of(const pp_non_finite& seen) {
    return nb::make_tuple(seen.nan, seen.positive_infinity, seen.negative_infinity);
}
