/// The one exception of these examples.
#pragma once

#include <stdexcept>

namespace surgery {

/// An input is at fault. The message is one line: what was expected, what came, what to do.
class InputError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

}  // namespace surgery
