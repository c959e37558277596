// The parts of postprocess._native.
#pragma once

#include <nanobind/nanobind.h>

void define_maps(nanobind::module_& module);
void define_contours(nanobind::module_& module);
void define_image(nanobind::module_& module);
