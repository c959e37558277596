// Python module postprocess._native: the C functions on numpy arrays, without the GIL.
#include <nanobind/nanobind.h>

#include "modules.h"
#include "postprocess/decode.h"

NB_MODULE(_native, module) {
    module.doc() = "Compiled decoders; call them through postprocess.decoders.";
    module.def("version", &pp_version);
    define_maps(module);
    define_contours(module);
    define_image(module);
}
