# Sources of core/ that need nothing but nlohmann-json and the decoding library; one of the
# resize_*.cpp goes with them.
set(SURGERY_CORE_SOURCES
  bundle.cpp contour_heads.cpp contours.cpp decoder.cpp e2ec.cpp field.cpp graph.cpp
  json_runtime.cpp kernels.cpp person.cpp preprocess.cpp result.cpp runtime.cpp snake.cpp top_down.cpp
  warp.cpp)
list(TRANSFORM SURGERY_CORE_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
